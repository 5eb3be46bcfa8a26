// A filter in Rust, against the ABI itself: each answer gets the header x-rust
// with the configured text, and the path of its request. A configuration that
// is empty is refused.

use std::alloc::{alloc, Layout};

#[link(wasm_import_module = "env")]
extern "C" {
    fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    fn proxy_get_buffer_bytes(which: u32, start: usize, size: usize, to: *mut *mut u8, to_size: *mut usize) -> u32;
    fn proxy_get_header_map_value(map: u32, name: *const u8, size: usize, to: *mut *mut u8, to_size: *mut usize) -> u32;
    fn proxy_add_header_map_value(map: u32, name: *const u8, size: usize, value: *const u8, value_size: usize) -> u32;
}

const REQUEST: u32 = 0;
const RESPONSE: u32 = 2;
const PLUGIN_CONFIG: u32 = 7;

/// The filter's state: a VM has one thread.
static mut CONFIG: Vec<u8> = Vec::new();
static mut PATHS: Vec<(u32, Vec<u8>)> = Vec::new();

#[no_mangle]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    unsafe { alloc(Layout::from_size_align(size, 1).unwrap()) }
}

/// What the host hands over is the filter's to free.
unsafe fn taken(at: *mut u8, size: usize) -> Vec<u8> {
    if at.is_null() {
        return Vec::new();
    }
    Vec::from_raw_parts(at, size, size)
}

#[no_mangle]
pub extern "C" fn proxy_on_context_create(_id: u32, _parent: u32) {}

#[no_mangle]
pub extern "C" fn proxy_on_vm_start(_id: u32, _size: usize) -> u32 {
    1
}

#[no_mangle]
pub extern "C" fn proxy_on_configure(_id: u32, size: usize) -> u32 {
    let (mut at, mut len) = (std::ptr::null_mut(), 0);
    unsafe {
        if size > 0 && proxy_get_buffer_bytes(PLUGIN_CONFIG, 0, size, &mut at, &mut len) == 0 {
            CONFIG = taken(at, len);
            return 1;
        }
        let why = b"the configuration is the header's text, and it is empty";
        proxy_log(4, why.as_ptr(), why.len());
    }
    0
}

#[no_mangle]
pub extern "C" fn proxy_on_request_headers(id: u32, _n: usize, _end: u32) -> u32 {
    let name = b":path";
    let (mut at, mut len) = (std::ptr::null_mut(), 0);
    unsafe {
        if proxy_get_header_map_value(REQUEST, name.as_ptr(), name.len(), &mut at, &mut len) == 0 {
            PATHS.push((id, taken(at, len)));
        }
    }
    0
}

#[no_mangle]
pub extern "C" fn proxy_on_response_headers(id: u32, _n: usize, _end: u32) -> u32 {
    let name = b"x-rust";
    unsafe {
        let mut value = CONFIG.clone();
        if let Some((_, path)) = PATHS.iter().find(|(of, _)| *of == id) {
            value.push(b' ');
            value.extend_from_slice(path);
        }
        proxy_add_header_map_value(RESPONSE, name.as_ptr(), name.len(), value.as_ptr(), value.len());
    }
    0
}

#[no_mangle]
pub extern "C" fn proxy_on_done(_id: u32) -> u32 {
    1
}

#[no_mangle]
pub extern "C" fn proxy_on_delete(id: u32) {
    unsafe { PATHS.retain(|(of, _)| *of != id) }
}
