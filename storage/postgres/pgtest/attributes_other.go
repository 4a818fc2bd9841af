//go:build !linux

package pgtest

import "syscall"

// attributes are none: the tests do not run as root here.
func attributes(*account) *syscall.SysProcAttr { return nil }
