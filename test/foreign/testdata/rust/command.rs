// The filter as a command: ABI 0.2.0, and a _start in the place of an
// _initialize, which prints through WASI.
include!("filter.rs");

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    fn fd_write(fd: u32, parts: *const (*const u8, usize), n: usize, written: *mut usize) -> u32;
}

#[no_mangle]
pub extern "C" fn proxy_abi_version_0_2_0() {}

#[no_mangle]
pub extern "C" fn _start() {
    let line = b"the filter starts\n";
    let mut written = 0;
    unsafe { fd_write(2, &(line.as_ptr(), line.len()), 1, &mut written) };
}
