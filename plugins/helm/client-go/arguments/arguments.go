// Package arguments gives the program a name, where it was started without
// one, as in a sandbox: klog wants one as soon as it is initialised.
//
// It has to come first. Of the packages that could be next, Go initialises the
// one whose import path is first in the alphabet; and that of this package,
// which needs only os, is before klog's. That is why it lives here.
package arguments

import "os"

func init() {
	if len(os.Args) == 0 {
		os.Args = []string{"helm"}
	}
}
