//! Programs that leave little of the language and its library out.

pub(super) struct Program {
    /// The program, or what its one object has as `data`.
    pub(super) text: &'static str,
    /// More files.
    pub(super) files: &'static [(&'static str, &'static str)],
    pub(super) settings: &'static str,
}

const fn of(text: &'static str) -> Program {
    Program { text, files: &[], settings: "" }
}

const fn with(text: &'static str, files: &'static [(&'static str, &'static str)]) -> Program {
    Program { text, files, settings: "" }
}

const fn set(text: &'static str, settings: &'static str) -> Program {
    Program { text, files: &[], settings }
}

pub(super) const PROGRAMS: &[Program] = &[
    // The language.
    of("{a: 1, b: 'x', c: [true, null], d: {e: 0.5}}"),
    of("local x = 1, y = x + 1; local f(a, b=a * 2) = a + b; {x: f(1), y: f(2, b=y), z: f(b=1, a=2)}"),
    of("{a: 1, b:: 2, c: self.b, d: $.a, e::: 3} + {b::: 4, e:: 5}"),
    of(
        "local base = {l: {a: 1, b: 2}, n: [1], h:: 'x'}; base {l+: {b: 3, c: 4}, n+: [2], h+: 'y', s: super.l.a}",
    ),
    of("{a: {b: {c: 1}}} + {a+: {b+: {d: 2}}} + {a+: {b+: {c: super.c + 10}}}"),
    of("{['k' + i]: i * i for i in std.range(1, 4) if i % 2 == 0}"),
    of("[[x, y] for x in [1, 2, 3] if x != 2 for y in ['a', 'b']]"),
    of("local o = {local secret = 42, v: secret, f(x): x + secret}; {v: o.v, f: o.f(1)}"),
    of("{a: if 1 < 2 then 'yes', b: if 2 < 1 then 'yes', c: if false then 1 else if true then 2 else 3}"),
    of("{a: 'x' in {x: 1}, b: 'y' in {x: 1}, c: ({x: 1} + {y: 'x' in super}).y, d: !true, e: ~5, f: -(-3)}"),
    of("{a: 7 % 3, b: -7 % 3, c: 7.5 % 2, d: 1 << 4, e: 255 >> 2, f: 6 & 3, g: 6 | 3, h: 6 ^ 3, i: 7 / 2}"),
    of("{a: 1 == 1.0, b: [1, {a: 2}] == [1, {a: 2}], c: 'a' < 'b', d: [1, 2] < [1, 3], e: null != false}"),
    of(
        "{a: [1, 2, 3, 4, 5][1:4], b: 'hello'[1:], c: [1, 2, 3, 4, 5, 6][::2], d: 'hello'[1], e: [1, 2, 3][-2:]}",
    ),
    of(
        "{a: \"tab\\tquote\\\"\\u00e9\\ud83d\\ude00/\\\\\", b: 'it\\'s', c: @'c:\\path', d: @\"say \"\"hi\"\"\"}",
    ),
    of("{text: |||\n  first\n    second\n\n  third\n|||, chomped: |||-\n  one line\n|||}"),
    of("{ // a comment\n  # another\n  /* and\n one more */ a: 1,\n  'b-c': 2,\n  \"d e\": 3, }"),
    of("local f(n, a=0) = if n == 0 then a else f(n - 1, a + n) tailstrict; {sum: f(10000)}"),
    of("local fib(n) = if n <= 1 then n else fib(n - 1) + fib(n - 2); [fib(n) for n in std.range(0, 15)]"),
    of("{a: {assert self.n > 0 : 'positive', n: 1}, b: assert true; 2}"),
    of("local lazy = {a: 1, b:: error 'never'}; lazy"),
    of("local A = {name:: 'a', out: {n: $.name, s: self.n}}; {x: (A {name:: 'b'}).out}"),
    of("{[if false then 'gone']: 1, [if true then 'here']: 2, ['nested' + 1]: {[k]: 1 for k in []}}"),
    of("local o = {a: 1, b: self.a + 1, c: {d: $.data}}; {data: 5, o: o {a: 10}}.o.b"),
    of("local Base = {f(x):: x * 2, v: self.f(3)}; [Base.v, (Base {f(x):: super.f(x) + 1}).v]"),
    // Numbers and text.
    of("[0, -1, 1.5, 1e3, 1e-3, 123456789012, 9007199254740992, 1e15, 123456789.125, 3.0, 2.5e10]"),
    of("['' + 1, '' + 1.5, '' + 1e21, '' + true, '' + null, 'x' + [1, 'a'], 'o' + {a: 1}, '' + 0.125]"),
    of(
        "['%d|%5d|%-5d|%05d' % [1, 2, 3, 4], '%s and %s' % ['a', [1]], '%.3f' % 3.14159, '%x %X %o' % [255, 255, 8]]",
    ),
    of(
        "['%e' % 12345.678, '%g' % 0.0001, '%g' % 1e10, '%c' % 65, '%%', '%(a)s-%(b)03d' % {a: 'x', b: 7}, '%+d' % 3, '%*d' % [4, 1]]",
    ),
    of("std.format('%s %5.1f %i', ['a', 2.26, 3])"),
    of("[std.length('größe'), std.codepoint('é'), std.char(8364), std.stringChars('añ😀'), 'añ😀'[2]]"),
    of(
        "[std.toString({a: [1, 'x']}), std.escapeStringJson('a\\n\"'), std.escapeStringBash(\"it's\"), std.escapeStringDollars('$a'), std.escapeStringXML('<&>')]",
    ),
    of(
        "[std.split('a,b,c', ','), std.splitLimit('a,b,c', ',', 1), std.splitLimitR('a,b,c', ',', 1), std.join('-', ['a', 'b']), std.join([0], [[1], [2]]), std.lines(['a', 'b'])]",
    ),
    of(
        "[std.substr('hello', 1, 3), std.startsWith('hello', 'he'), std.endsWith('hello', 'lo'), std.strReplace('aXbX', 'X', '--'), std.findSubstr('a', 'banana'), std.asciiUpper('aé'), std.asciiLower('AÉ')]",
    ),
    of(
        "[std.stripChars(' a ', ' '), std.lstripChars('xxa', 'x'), std.rstripChars('axx', 'x'), std.trim('  a\\t\\n'), std.isEmpty(''), std.equalsIgnoreCase('aB', 'Ab')]",
    ),
    of(
        "[std.parseInt('-42'), std.parseOctal('755'), std.parseHex('ff'), std.parseJson('{\"a\": [1, null, \"\\\\u00e9\"]}')]",
    ),
    of("[std.parseYaml('a: 1\\nb: [x, true, null, 0.5]\\n'), std.parseYaml('- 1\\n- {c: d}\\n')]"),
    of(
        "[std.base64('hi there'), std.base64Decode('aGk='), std.base64DecodeBytes('AQID'), std.base64([1, 2, 3]), std.md5('a'), std.sha1('a'), std.sha256('a'), std.sha512('a'), std.sha3('a'), std.encodeUTF8('é'), std.decodeUTF8([195, 169])]",
    ),
    of(
        "[std.abs(-3), std.sign(-2), std.max(1, 2), std.min(1, 2), std.pow(2, 10), std.sqrt(16), std.floor(1.7), std.ceil(1.2), std.round(2.5), std.exp(0), std.log(1), std.mod(7, 3), std.clamp(9, 0, 5), std.isEven(4), std.isOdd(4), std.isInteger(1.5), std.isDecimal(1.5)]",
    ),
    of(
        "[std.exponent(1024), std.mantissa(1024), std.floor(std.sin(1) * 1e9), std.hypot(3, 4), std.floor(std.pi * 1000), std.log2(8), std.round(std.log10(1000))]",
    ),
    // Arrays and objects.
    of(
        "[std.map(function(x) x * 2, [1, 2]), std.mapWithIndex(function(i, x) i + x, [10, 20]), std.filter(function(x) x > 1, [1, 2, 3]), std.filterMap(function(x) x > 1, function(x) x * x, [1, 2, 3]), std.flatMap(function(x) [x, x], [1, 2]), std.foldl(function(a, b) a + b, ['a', 'b', 'c'], ''), std.foldr(function(a, b) a + b, ['a', 'b', 'c'], '')]",
    ),
    of(
        "[std.range(1, 3), std.repeat([1, 2], 2), std.repeat('ab', 3), std.reverse([1, 2, 3]), std.makeArray(3, function(i) i * i), std.count([1, 2, 1], 1), std.find(1, [1, 2, 1]), std.member([1, 2], 2), std.member('abc', 'b'), std.contains([1, 2], 3)]",
    ),
    of(
        "[std.sort([3, 1, 2]), std.sort(['b', 'B', 'a', 'é', 'z', '10', '9']), std.sort([{n: 2}, {n: 1}], function(o) o.n), std.uniq([1, 1, 2]), std.set(['b', 'a', 'b']), std.setUnion([1, 3], [2, 3]), std.setInter([1, 2], [2, 3]), std.setDiff([1, 2], [2]), std.setMember(2, [1, 2])]",
    ),
    of(
        "[std.flattenArrays([[1], [2, [3]]]), std.flattenDeepArray([1, [2, [3]]]), std.deepJoin(['a', ['b', ['c']]]), std.all([true, false]), std.any([true, false]), std.sum([1, 2, 3]), std.avg([1, 2, 3]), std.minArray([3, 1]), std.maxArray([3, 1]), std.removeAt([1, 2, 3], 1), std.remove([1, 2, 1], 1), std.slice([1, 2, 3, 4], 0, 4, 2)]",
    ),
    of(
        "local o = {b: 1, a: 2, h:: 3, c: {d: null}}; [std.objectFields(o), std.objectFieldsAll(o), std.objectValues({b: 1, a: 2}), std.objectKeysValues({x: 1}), std.objectHas(o, 'h'), std.objectHasAll(o, 'h'), std.length(o), std.get(o, 'z', 'none'), std.get(o, 'h'), std.objectRemoveKey({a: 1, b: 2}, 'a')]",
    ),
    of(
        "[std.prune({a: null, b: [], c: {}, d: [null, 1], e: {f: null}}), std.mergePatch({a: 1, b: {c: 2, d: 3}}, {b: {c: null}, e: 4}), std.mapWithKey(function(k, v) k + v, {a: 1, b: 2})]",
    ),
    of(
        "[std.type(null), std.type([]), std.type({}), std.type(function() 1), std.type(1), std.isString('a'), std.isArray({}), std.isObject({}), std.isNumber(1), std.isBoolean(1), std.isFunction(std.length)]",
    ),
    of("std.objectFields({b: 1, a: 1, B: 1, A: 1, '10': 1, '9': 1, 'é': 1, '': 1})"),
    // Text formats.
    of(
        "local v = {b: [1, {c: 'x: y', d: ''}], a: 'multi\\nline\\n', e: [], f: {}, t: 'true', n: '1', z: null, g: 1.5}; [std.manifestJson(v), std.manifestJsonMinified(v), std.manifestJsonEx(v, '  '), std.manifestYamlDoc(v), std.manifestYamlDoc(v, indent_array_in_object=true, quote_keys=false), std.manifestYamlStream([v, 1])]",
    ),
    of(
        "[std.manifestIni({main: {a: '1'}, sections: {s: {x: ['1', '2'], y: 'z'}}}), std.manifestPython({a: [true, null]}), std.manifestPythonVars({a: 1}), std.manifestTomlEx({a: 1, b: {c: ['x', 2.5], d: {e: true}}, f: [{g: 1}]}, '  '), std.manifestXmlJsonml(['a', {href: 'x'}, 'text', ['b']])]",
    ),
    // Files and settings.
    with(
        "(import 'a.libsonnet') + (import 'sub/b.libsonnet') + {text: importstr 'note.txt', bytes: importbin 'note.txt'}",
        &[
            ("app/a.libsonnet", "{a: 1, shared: import 'c.libsonnet'}"),
            ("app/sub/b.libsonnet", "{b: (import '../a.libsonnet').a + 1, c: import './c.libsonnet'}"),
            ("app/c.libsonnet", "'outer'"),
            ("app/sub/c.libsonnet", "'inner'"),
            ("app/note.txt", "a note\nof two lines\n"),
        ],
    ),
    with(
        "{lib: import 'k.libsonnet', vendored: import 'dep/v.libsonnet', up: (import '../shared.json').n}",
        &[
            ("lib/k.libsonnet", "{from: 'lib'}"),
            ("vendor/k.libsonnet", "{from: 'vendor'}"),
            ("vendor/dep/v.libsonnet", "(import 'w.libsonnet') + {v: 1}"),
            ("vendor/dep/w.libsonnet", "{w: 2}"),
            ("shared.json", "{\"n\": 3}"),
        ],
    ),
    set(
        "{s: std.extVar('s') + '!', n: std.extVar('n') + 1, o: std.extVar('o').list[1], b: !std.extVar('b'), z: std.extVar('z')}",
        r#"{"extVars": {"s": "text", "n": 41, "o": {"list": [1, {"x": null}]}, "b": false, "z": null}}"#,
    ),
    set(
        "function(name, replicas=2, labels={}) {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: name, labels: labels {app: name}}, data: {n: replicas + 1}}",
        r#"{"tlas": {"name": "web", "labels": {"tier": "front"}}}"#,
    ),
    of("std.assertEqual(1 + 1, 2)"),
    of("std.foldl(function(a, i) a + {['k' + i]: i} + {n+: i}, std.range(1, 50), {n: 0})"),
    of(
        "local k = {core:: {v1:: {configMap:: {new(name, data):: {metadata: {name: name}, data: data}, withLabels(l):: {metadata+: {labels+: l}}}}}}; local cm = k.core.v1.configMap; cm.new('a', {x: 'y'}) + cm.withLabels({b: 'c'}) + cm.withLabels({d: 'e'})",
    ),
    of("std.trace('seen', {a: 1})"),
];

/// Programs without a value.
pub(super) const REFUSED: &[Program] = &[
    of("error 'no'"),
    of("{a: 1}.b"),
    of("1 / 0"),
    of("{a: 1, a: 2}"),
    of("local x = 1; local x = 2, x = 3; x"),
    of("nowhere"),
    of("import 'nowhere.libsonnet'"),
    of("[1, 2][2]"),
    of("'a' - 1"),
    of("assert 1 > 2 : 'never'; 1"),
    of("local f(n) = 1 + f(n + 1); f(0)"),
    of("local o = {a: self.b, b: self.a}; o"),
    of("std.extVar('missing')"),
    of("function(x) x"),
    of("(function(x) x)()"),
    of("{a: 1} < {a: 2}"),
    of("std.parseJson('{')"),
    of("1e999"),
    of("'%d' % 'x'"),
    of("{a: |||\n  text"),
    of("if 1 then 2 else 3"),
    of("{['a']: 1, a: 2}"),
    of("std.native('helmTemplate')('x')"),
];

/// Programs whose values differ, with what each implementation gives: the
/// README says why.
pub(super) const DIFFERING: &[(&str, &str, &str)] = &[
    ("'' + 0.1", r#""0.1""#, r#""0.10000000000000001""#),
    ("'%.1f' % 2.25", r#""2.2""#, r#""2.3""#),
    ("std.log10(1000)", "3", "2.9999999999999996"),
];
