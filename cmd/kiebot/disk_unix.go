//go:build linux || darwin

package main

import "syscall"

// freeBytes is how much this user can still write to the disk that the folder
// is on; false when the system does not say.
func freeBytes(dir string) (uint64, bool) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, false
	}
	return fs.Bavail * uint64(fs.Bsize), true
}
