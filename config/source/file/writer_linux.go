package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// hasWriter tells whether somebody has the file open for writing: the kernel
// gives no read lease then. Where it gives none for another reason (the file
// is not ours, the file system knows no leases) nothing is sure.
func hasWriter(f *os.File) (writer, sure bool) {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		writer = errors.Is(err, unix.EAGAIN)
		return writer, writer
	}
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	return false, true
}
