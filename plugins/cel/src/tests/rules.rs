//! The short form.

use windlass_plugin_sdk::testing;

use crate::Cel;

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {team: a, big: '9'}}
spec:
  replicas: 3
  ratio: 0.5
  template: {spec: {containers: [{name: web, image: 'nginx:1'}, {name: log, image: 'fluent:2'}]}}
";

fn rule(expression: &str) -> String {
    format!("rules: [{{name: r, expression: {}}}]", serde_json::Value::from(expression))
}

fn judge(expression: &str) -> String {
    testing::check::<Cel>(&rule(expression), DEPLOYMENT)
}

#[test]
fn true_admits() {
    for expression in [
        "true",
        "object.spec.replicas == 3",
        "object.spec.replicas % 2 == 1",
        "type(object.spec.replicas) == int",
        "type(object.spec.ratio) == double",
        "has(object.metadata.labels) && 'team' in object.metadata.labels",
        "!has(object.spec.paused)",
        "object.spec.template.spec.containers.all(c, c.image.contains(':'))",
        "object.spec.template.spec.containers.exists(c, c.name == 'log')",
        "object.spec.template.spec.containers.filter(c, c.name == 'web').size() == 1",
        "object.spec.template.spec.containers.map(c, c.name) == ['web', 'log']",
        "object.metadata.name.matches('^[a-z]+$')",
        "object.metadata.name.startsWith('w') && size(object.metadata.name) == 3",
        "object.metadata.name.upperAscii() == 'WEB'",
        "int(object.metadata.labels.big) > 8",
        "has(object.spec.strategy) ? object.spec.strategy.type == 'Recreate' : true",
        "object.spec.template.spec.containers.map(c, {'n': c.name, 'all': object.metadata.labels.map(l, l).size()}).size() == 2",
        "math.greatest(1, object.spec.replicas) == 3",
        "!has(object.spec.missing) || object.spec.missing.deeper == 1",
    ] {
        assert_eq!(judge(expression), "", "{expression}");
    }
}

#[test]
fn false_is_a_finding_with_the_rule_and_its_message() {
    assert_eq!(
        judge("object.spec.replicas > 3"),
        "deny Deployment/shop/web [r] /spec/replicas: does not fulfil `object.spec.replicas > 3`\n"
    );
    let rules = "
rules:
- name: few
  expression: object.spec.replicas < 3
  message: too many
  messageExpression: \"string(object.spec.replicas) + ' are too many'\"
  pointer: /spec/replicas
- {name: fallback, expression: 'false', message: plain, messageExpression: object.nothing}
";
    assert_eq!(
        testing::check::<Cel>(rules, DEPLOYMENT),
        "deny Deployment/shop/web [few] /spec/replicas: 3 are too many\n\
         deny Deployment/shop/web [fallback]: plain\n"
    );
}

#[test]
fn what_can_not_be_evaluated_is_a_finding() {
    for (expression, why) in [
        ("object.spec.missing == 1", "can't be evaluated: no such key: missing"),
        ("object.spec.replicas", "gave a int, not a bool"),
        ("object.spec.replicas.deeper == 1", "can't be evaluated: "),
        ("object.spec.template.spec.containers[7].name == ''", "can't be evaluated: "),
        ("object.spec.replicas + 'x' == ''", "can't be evaluated: "),
        ("1 / 0 == 1", "can't be evaluated: division by zero"),
    ] {
        let text = judge(expression);
        assert!(text.starts_with("deny Deployment/shop/web [r]"), "{expression}: {text}");
        assert!(text.contains(why), "{expression}: {text}");
    }
}

#[test]
fn an_error_on_a_secret_does_not_show_its_values() {
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {key: hunter2}}";
    for expression in
        ["int(object.data.key) > 1", "object.data.key > 1", "object.data.key + 1 == 2", "object.data[1]"]
    {
        let text = testing::check::<Cel>(&rule(expression), secret);
        assert!(text.starts_with("deny Secret/s"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_rule_judges_only_what_it_matches() {
    let rules = "rules: [{name: pods, expression: 'false', matches: [v1/Pod]}, {name: apps, expression: 'false', message: never, matches: ['apps/*']}]";
    assert_eq!(testing::check::<Cel>(rules, DEPLOYMENT), "deny Deployment/shop/web [apps]: never\n");
}

#[test]
fn every_expression_that_does_not_compile_is_named_with_its_position() {
    let rules = "
rules:
- {name: one, expression: 'object.spec. == 1'}
- {name: two, expression: 'objekt.spec == 1'}
- {name: two, expression: 'true', messageExpression: '(', pointer: spec}
";
    let text = testing::check::<Cel>(rules, "");
    for expected in [
        "error /rules/0/expression: rule `one`: a field is expected here, not `==`",
        "error /rules/1/expression: rule `two`: there is no variable `objekt`",
        "error /rules/2/name: the name `two` stands on two rules",
        "error /rules/2/messageExpression: rule `two`: a value is expected here, not the end",
        "error /rules/2/pointer: rule `two`: a JSON pointer starts with `/`",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
}

#[test]
fn no_rules_too_many_and_too_long_ones_are_refused() {
    assert!(testing::check::<Cel>("rules: []", "").contains("there are no rules"));
    assert!(testing::check::<Cel>("", "").contains("there are no rules"));
    let many: Vec<_> = (0..201).map(|index| format!("{{name: r{index}, expression: 'true'}}")).collect();
    assert!(
        testing::check::<Cel>(&format!("rules: [{}]", many.join(", ")), "").contains("more than the 200")
    );
    let long = format!("'{}' == ''", "x".repeat(16384));
    assert!(testing::check::<Cel>(&rule(&long), "").contains("more than the 16384"));
}

#[test]
fn what_is_deep_or_long_is_refused_by_the_limit() {
    for (expression, limit) in [
        (format!("object{}", ".a".repeat(200)), "deeper than 150 levels"),
        (vec!["1"; 200].join("+"), "deeper than 150 levels"),
        (format!("{}true{}", "(".repeat(500), ")".repeat(500)), "more than 50 brackets in each other"),
        (format!("{}1", "[".repeat(500)), "more than 50 brackets in each other"),
        (format!("object.kind in [{}]", vec!["1"; 6000].join(",")), "more than 5000 parts"),
    ] {
        let text = testing::check::<Cel>(&rule(&expression), "");
        assert!(text.contains(limit), "{limit}: {text}");
    }
    // Many operands of one operator are no depth.
    assert_eq!(judge(&vec!["object.kind == 'Deployment'"; 200].join(" && ")), "");
    let texts = format!("object.kind in [{}]", vec!["'Deployment'"; 1000].join(", "));
    assert_eq!(judge(&texts), "");
}

#[test]
fn minus_signs_and_exclamation_marks_without_end_are_no_depth() {
    assert_eq!(judge(&format!("{}true", "!".repeat(5000))), "");
    assert_eq!(judge(&format!("{}object.spec.replicas == 3", "-".repeat(5000))), "");
}

#[test]
fn an_expression_without_end_costs_too_much() {
    for expression in [
        "lists.range(1000).all(i, lists.range(1000).all(j, i + j >= 0))",
        "lists.range(100000000).size() > 0",
        // Little to hold, and much to look at.
        &format!(
            "{}a == a{}",
            "cel.bind(a, [1, 1], ".to_owned() + &"cel.bind(a, [a, a], ".repeat(40),
            ")".repeat(41)
        ),
        &format!(
            "{}'%s'.format([a]) == ''{}",
            "cel.bind(a, [1, 1], ".to_owned() + &"cel.bind(a, [a, a], ".repeat(25),
            ")".repeat(26)
        ),
        &format!(
            "{}a in [a]{}",
            "cel.bind(a, [1, 1], ".to_owned() + &"cel.bind(a, [a, a], ".repeat(40),
            ")".repeat(41)
        ),
        "cel.bind(a, 'x'.replace('', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'), lists.range(100000).map(i, a).join('').size() > 0) && lists.range(100000).map(i, object.metadata.name).join('').replace('', '123456789012345678901234567890') == ''",
    ] {
        let text = judge(expression);
        assert!(
            text.contains("too expensive: the expression takes more than 1000000 steps"),
            "{expression}: {text}"
        );
    }
}

#[test]
fn a_position_is_told_in_bytes_of_the_expression() {
    let settings = serde_json::json!({"rules": [{"name": "r", "expression": "true && objekt.kind == 'a'"}]});
    let refused = crate::admission::configure(settings).err().unwrap();
    let problem = refused.iter().next().unwrap();
    let span = problem.span.unwrap();
    assert_eq!((problem.pointer.as_deref(), span.start, span.end), (Some("/rules/0/expression"), 8, 14));
}

#[test]
fn all_that_is_wrong_with_an_expression_is_said_at_once() {
    let text = testing::check::<Cel>(&rule("objekt.a == 1 && nonsense(object) && 1 + 'a' == 2"), "");
    for expected in ["no variable `objekt`", "no function `nonsense`", "`+` does not take (int, string)"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}
