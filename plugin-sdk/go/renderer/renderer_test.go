package renderer

import (
	"bytes"
	"encoding/json"
	"errors"
	"runtime/debug"
	"strings"
	"testing"
	"testing/iotest"
)

type settings struct {
	Replicas int `json:"replicas"`
}

// ask serves one request and gives what was printed.
func ask(t *testing.T, request string, render func(Request[settings]) Response) (printed string, code int32) {
	t.Helper()
	var out bytes.Buffer
	code = Serve("The renderer", strings.NewReader(request), &out, render)
	return strings.TrimSuffix(out.String(), "\n"), code
}

func one(request Request[settings]) Response {
	object := json.RawMessage(`{"kind":"<Pod>"}`)
	return Response{Manifests: []Manifest{{Object: object, Path: request.Path + "/a.yaml", Line: 3}}}
}

func TestAnAnswerIsOneJSONDocument(t *testing.T) {
	printed, code := ask(t, `{"path":"app","name":"n","namespace":"s","config":{"replicas":2}}`, one)
	want := `{"manifests":[{"object":{"kind":"<Pod>"},"path":"app/a.yaml","line":3}],"diagnostics":[]}`
	if printed != want || code != 0 {
		t.Errorf("%d %s", code, printed)
	}
}

func TestTheRequestArrivesWholeAndWithoutSettingsHasNone(t *testing.T) {
	var seen []Request[settings]
	remember := func(request Request[settings]) Response {
		seen = append(seen, request)
		return Response{}
	}
	ask(t, `{"path":"app","name":"n","namespace":"s","config":{"replicas":2}}`, remember)
	ask(t, `{"path":"","name":"n","namespace":"s","config":null}`, remember)
	if len(seen) != 2 || seen[0].Path != "app" || seen[0].Name != "n" || seen[0].Namespace != "s" ||
		seen[0].Config == nil || seen[0].Config.Replicas != 2 || seen[1].Config != nil {
		t.Errorf("%+v", seen)
	}
}

func TestAnErrorIsARefusalAndObjectsBesideItDoNotCount(t *testing.T) {
	printed, code := ask(t, `{"path":"app"}`, func(request Request[settings]) Response {
		response := one(request)
		response.Diagnostics = []Diagnostic{Errorf("no %s", "luck").At("app/b.yaml", 7), Warningf("old")}
		return response
	})
	want := `{"diagnostics":[{"severity":"error","message":"no luck","path":"app/b.yaml","line":7},` +
		`{"severity":"warning","message":"old"}]}`
	if printed != want || code != 1 {
		t.Errorf("%d %s", code, printed)
	}
}

func TestAWarningStandsBesideTheObjects(t *testing.T) {
	printed, code := ask(t, `{"path":"app"}`, func(request Request[settings]) Response {
		response := one(request)
		response.Diagnostics = []Diagnostic{Warningf("old")}
		return response
	})
	if code != 0 || !strings.Contains(printed, "<Pod>") || !strings.Contains(printed, `"warning"`) {
		t.Errorf("%d %s", code, printed)
	}
}

func TestAPanicIsARefusalThatNamesTheProgram(t *testing.T) {
	printed, code := ask(t, `{}`, func(Request[settings]) Response { panic("no chart") })
	if code != 1 || !strings.Contains(printed, `"The renderer panicked: no chart"`) {
		t.Errorf("%d %s", code, printed)
	}
}

func TestARequestThatDoesNotFitIsRefused(t *testing.T) {
	for request, reason := range map[string]string{
		"":                                  "EOF",
		`{"paths":"a"}`:                     "paths",
		`{"config":{"replica":1}}`:          "replica",
		`{"config":{"replicas":"1"}}`:       "replicas",
		strings.Repeat(" ", RequestLimit+1): "larger than 8388608 bytes",
	} {
		printed, code := ask(t, request, one)
		if code != 1 || strings.Contains(printed, "manifests") || !strings.Contains(printed, reason) {
			t.Errorf("%.30q gave %d %s", request, code, printed)
		}
	}
}

func TestARequestAsLargeAsTheLimitIsServed(t *testing.T) {
	request := `{"path":"app"}`
	request += strings.Repeat(" ", RequestLimit-len(request))
	if printed, code := ask(t, request, one); code != 0 {
		t.Errorf("%d %s", code, printed)
	}
}

func TestARequestThatCanNotBeReadIsRefused(t *testing.T) {
	var out bytes.Buffer
	if code := Serve("x", iotest.ErrReader(errors.New("broken pipe")), &out, one); code != 1 {
		t.Errorf("%d %s", code, out.String())
	}
	if !strings.Contains(out.String(), "broken pipe") {
		t.Error(out.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestAnAnswerThatCanNotBeWrittenIsAFailure(t *testing.T) {
	if code := Serve("x", strings.NewReader(`{"path":"app"}`), broken{}, one); code != 1 {
		t.Errorf("code %d", code)
	}
}

func TestALongMessageKeepsItsBeginningAndItsEnd(t *testing.T) {
	printed, _ := ask(t, `{}`, func(Request[settings]) Response {
		return Refuse(Diagnostic{Severity: SeverityError, Message: "begin " + strings.Repeat("é", messageLimit) + " end\n"})
	})
	if len(printed) > messageLimit+100 || !strings.Contains(printed, `"begin é`) || !strings.Contains(printed, ` end"`) {
		t.Errorf("%d bytes: %s", len(printed), printed)
	}
}

func TestWarmRunsAtOnceWithLittleGarbageAndLeavesMuchRoomForCalls(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	meanwhile := 0
	Warm(func() {
		meanwhile = debug.SetGCPercent(50)
		debug.SetGCPercent(meanwhile)
	})
	after, limit := debug.SetGCPercent(50), debug.SetMemoryLimit(-1)
	if meanwhile != warmGarbagePercent || after != callGarbagePercent || limit != callMemoryLimit {
		t.Errorf("%d %% meanwhile, %d %% afterwards, up to %d bytes", meanwhile, after, limit)
	}
}
