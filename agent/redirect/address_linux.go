package redirect

import (
	"errors"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sourceAddress gives the loopback interface ::6, which a sidecar calls its
// application from, or takes it away. IPv4 needs nothing: all of 127.0.0.0/8
// is there.
func sourceAddress(add bool) error {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	kind, flags, tolerated := uint16(unix.RTM_NEWADDR), uint16(unix.NLM_F_CREATE|unix.NLM_F_EXCL), unix.EEXIST
	if !add {
		kind, flags, tolerated = unix.RTM_DELADDR, 0, unix.EADDRNOTAVAIL
	}
	err = ask(kind, flags, lo.Index)
	if errors.Is(err, tolerated) {
		return nil
	}
	return err
}

// ask sends one request about ::6 to the kernel, and reads its answer.
func ask(kind, flags uint16, link int) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	type message struct {
		header unix.NlMsghdr
		about  unix.IfAddrmsg
		attr   unix.RtAttr
		value  [16]byte
	}
	m := message{
		header: unix.NlMsghdr{Len: uint32(unsafe.Sizeof(message{})), Type: kind, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK | flags, Seq: 1},
		about:  unix.IfAddrmsg{Family: unix.AF_INET6, Prefixlen: 128, Flags: unix.IFA_F_NODAD, Index: uint32(link)},
		attr:   unix.RtAttr{Len: unix.SizeofRtAttr + 16, Type: unix.IFA_LOCAL},
		value:  appSource6.Addr().As16(),
	}
	request := unsafe.Slice((*byte)(unsafe.Pointer(&m)), unsafe.Sizeof(m))
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	answer := make([]byte, unix.Getpagesize())
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return os.NewSyscallError("recvfrom", err)
	}
	const header = unix.SizeofNlMsghdr
	if n < header+4 {
		return errors.New("the kernel's answer is too short")
	}
	if code := *(*int32)(unsafe.Pointer(&answer[header])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}
