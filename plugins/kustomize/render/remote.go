package render

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// What upstream would fetch can't be fetched here. It is found before upstream
// starts git or opens a connection, so that the message is clear.

// unreachable is the message for something that another host holds.
func unreachable(what, name string) string {
	return fmt.Sprintf("%s `%s` is remote, and remote bases and files are not reachable from the sandbox: "+
		"copy it into the repository", what, name)
}

var userName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@`)

// isRemote tells whether upstream would take an entry of `resources` or
// `components` for something in another repository.
func isRemote(files *tree, root, entry string) bool {
	if path.IsAbs(entry) {
		return false
	}
	address := strings.ToLower(entry)
	if rest, found := strings.CutPrefix(address, "git::"); found {
		address = rest
	}
	for _, scheme := range []string{"https://", "http://", "ssh://", "file://"} {
		if strings.HasPrefix(address, scheme) {
			return true
		}
	}
	user := userName.FindString(address)
	address = strings.TrimPrefix(address, user)
	if user == "" && !strings.HasPrefix(address, "github.com/") && !strings.HasPrefix(address, "github.com:") {
		return false
	}
	address, _, _ = strings.Cut(address, "?")
	host := strings.IndexAny(address, ":/")
	if host <= 0 {
		return false
	}
	repository := address[host+1:]
	named := strings.Contains(repository, "/") || strings.Contains(repository, ".git")
	return named && !files.isFile(path.Join(root, entry))
}
