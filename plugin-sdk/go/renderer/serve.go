package renderer

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
)

// RequestLimit is the largest request in bytes: settings may hold values that
// come from several ConfigMaps of 1 MiB each.
const RequestLimit = 8 << 20

// Serve answers the one request on in. It gives 0 when everything was rendered
// and 1 for a refusal, which is what the exported function returns to the host.
//
// A request that is too large or does not parse, a setting that Config does not
// know, and a panic of render are refusals too; what names the program in the
// message of a panic.
func Serve[Config any](what string, in io.Reader, out io.Writer, render func(Request[Config]) Response) int32 {
	response := answer(what, in, render)
	code := int32(0)
	if slices.ContainsFunc(response.Diagnostics, isError) {
		response.Manifests, code = nil, 1
	}
	for i, diagnostic := range response.Diagnostics {
		response.Diagnostics[i].Message = shorten(diagnostic.Message)
	}
	if response.Diagnostics == nil {
		response.Diagnostics = []Diagnostic{}
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(response); err != nil {
		return 1
	}
	return code
}

func isError(diagnostic Diagnostic) bool { return diagnostic.Severity == SeverityError }

func answer[Config any](what string, in io.Reader, render func(Request[Config]) Response) (response Response) {
	defer func() {
		if reason := recover(); reason != nil {
			response = Refuse(Errorf("%s panicked: %v", what, reason))
		}
	}()
	content, err := io.ReadAll(io.LimitReader(in, RequestLimit+1))
	if err != nil {
		return Refuse(Errorf("read the request: %v", err))
	}
	if len(content) > RequestLimit {
		return Refuse(Errorf("the request is larger than %d bytes", RequestLimit))
	}
	var request Request[Config]
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return Refuse(Errorf("read the request: %v", err))
	}
	return render(request)
}
