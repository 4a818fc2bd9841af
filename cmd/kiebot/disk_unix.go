//go:build linux || darwin

package main

import (
	"os"
	"syscall"
)

// freeBytes is how much this user can still write to the disk that the folder
// is on; false when the system does not say.
func freeBytes(dir string) (uint64, bool) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, false
	}
	return fs.Bavail * uint64(fs.Bsize), true
}

// ownedLike gives the file to the owner of the folder, where root has made it
// for a kiebot that runs as somebody else.
func ownedLike(file, folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return nil
	}
	return os.Chown(file, int(owner.Uid), int(owner.Gid))
}
