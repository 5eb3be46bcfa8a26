// The filter as a library: ABI 0.2.1, no WASI.
include!("filter.rs");

#[no_mangle]
pub extern "C" fn proxy_abi_version_0_2_1() {}
