;; The watch over one filter of somebody else's: one instance before it, one
;; behind. Requests come in at the one and leave at the other, answers the other
;; way round. Where something comes in, a wait is noted; where it leaves, a mark
;; is set in the request's filter state. Four times a second the waits are
;; looked at: one that is marked, or whose request has ended, is forgotten, and
;; one that has lasted for the limit ends with 504.
;;
;; An instance's root id tells all that it knows: "q" where requests come in, "r"
;; where answers do; the filter's name; and the limit, in looks, in 6 digits.
;;
;; Memory: 8 now, 16 time of the last look, 24 and 28 where and how long what the
;; proxy gave is, 32 a mark, 40 to 127 and 65200 texts, 128 what the proxy gives, 65536
;; the waits, of 16 bytes: context, direction, level, looks. The direction is "q"
;; for requests, "r" for answers. Level 1 is their headers, 2 all of them.
(module
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $set_effective_context (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $set_tick_period (param i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $get_time (param i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2 1024)
  (global $waits (mut i32) (i32.const 0))
  (global $ended (mut i32) (i32.const 0)) ;; requests, at this look

  (data (i32.const 40) "plugin_root_id")
  (data (i32.const 56) "krater.filter_decision")
  (data (i32.const 80) "filter_held/")
  (data (i32.const 92) "krater.held.")
  (data (i32.const 104) "held")
  (data (i32.const 65200) "request\00duration")
  (data (i32.const 116) "krater.held.") ;; up to 128: with what is there it is a mark's name

  (func $abi (export "proxy_abi_version_0_2_1"))

  ;; Only what an instance asks for is given to it: its root id, and marks.
  (func $allocate (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    local.get $size
    i32.const 65000
    i32.gt_u
    if (result i32)
      i32.const 0
    else
      i32.const 128
    end)

  (func $configure (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    i32.const 250
    call $set_tick_period
    i32.eqz)

  ;; key has the root id put at 128, and gives its length.
  (func $key (result i32)
    i32.const 40
    i32.const 14
    i32.const 24
    i32.const 28
    call $get_property
    if (result i32)
      i32.const 0
    else
      i32.const 28
      i32.load
    end)

  ;; note takes in that a request or an answer came by, as far as level.
  (func $note (param $context i32) (param $direction i32) (param $level i32) (result i32) (local $size i32)
    call $key
    local.tee $size
    i32.eqz
    if
      i32.const 0
      return
    end
    i32.const 128
    i32.load8_u
    local.get $direction
    i32.eq
    if
      local.get $context
      local.get $direction
      local.get $level
      call $wait
    else
      i32.const 128
      local.get $direction
      i32.store8
      i32.const 32
      local.get $level
      i32.store8
      i32.const 116
      local.get $size
      i32.const 12
      i32.add
      i32.const 32
      i32.const 1
      call $set_property
      drop
    end
    i32.const 0)

  (func $wait (param $context i32) (param $direction i32) (param $level i32) (local $at i32)
    global.get $waits
    i32.const 4
    i32.shl
    i32.const 65536
    i32.add
    local.tee $at
    i32.const 16
    i32.add
    memory.size
    i32.const 16
    i32.shl
    i32.gt_u
    if
      i32.const 1
      memory.grow
      i32.const -1
      i32.eq
      if
        return ;; 4 million of them
      end
    end
    local.get $at
    local.get $context
    i32.store
    local.get $at
    local.get $direction
    i32.store offset=4
    local.get $at
    local.get $level
    i32.store offset=8
    local.get $at
    i32.const 0
    i32.store offset=12
    global.get $waits
    i32.const 1
    i32.add
    global.set $waits)

  (func $request_headers (export "proxy_on_request_headers") (param $context i32) (param $headers i32) (param $end i32) (result i32)
    local.get $context
    i32.const 0x71
    local.get $end
    i32.const 0
    i32.ne
    i32.const 1
    i32.add
    call $note)

  (func $request_body (export "proxy_on_request_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    local.get $end
    if (result i32)
      local.get $context
      i32.const 0x71
      i32.const 2
      call $note
    else
      i32.const 0
    end)

  (func $request_trailers (export "proxy_on_request_trailers") (param $context i32) (param $trailers i32) (result i32)
    local.get $context
    i32.const 0x71
    i32.const 2
    call $note)

  (func $response_headers (export "proxy_on_response_headers") (param $context i32) (param $headers i32) (param $end i32) (result i32)
    local.get $context
    i32.const 0x72
    local.get $end
    i32.const 0
    i32.ne
    i32.const 1
    i32.add
    call $note)

  (func $response_body (export "proxy_on_response_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    local.get $end
    if (result i32)
      local.get $context
      i32.const 0x72
      i32.const 2
      call $note
    else
      i32.const 0
    end)

  (func $response_trailers (export "proxy_on_response_trailers") (param $context i32) (param $trailers i32) (result i32)
    local.get $context
    i32.const 0x72
    i32.const 2
    call $note)

  ;; left tells whether a request or an answer left the filter, as far as level.
  (func $left (param $direction i32) (param $level i32) (param $size i32) (result i32)
    i32.const 128
    local.get $direction
    i32.store8
    i32.const 116
    local.get $size
    i32.const 12
    i32.add
    i32.const 24
    i32.const 28
    call $get_property
    if (result i32)
      i32.const 0
    else
      i32.const 128
      i32.load8_u
      local.get $level
      i32.ge_u
    end)

  ;; limit reads the last 6 digits of the root id.
  (func $limit (param $size i32) (result i32) (local $at i32) (local $n i32)
    local.get $size
    i32.const 122
    i32.add
    local.set $at
    loop $next
      local.get $n
      i32.const 10
      i32.mul
      local.get $at
      i32.load8_u
      i32.const 48
      i32.sub
      i32.add
      local.set $n
      local.get $at
      i32.const 1
      i32.add
      local.tee $at
      local.get $size
      i32.const 128
      i32.add
      i32.lt_u
      br_if $next
    end
    local.get $n)

  ;; Each instance is ticked; the first of them looks.
  (func $tick (export "proxy_on_tick") (param $root i32) (local $i i32) (local $kept i32) (local $at i32)
    i32.const 8
    call $get_time
    drop
    i32.const 8
    i64.load
    i32.const 16
    i64.load
    i64.sub
    i64.const 200000000
    i64.lt_u
    if
      return
    end
    i32.const 16
    i32.const 8
    i64.load
    i64.store
    i32.const 0
    global.set $ended
    block $done
      loop $next
        local.get $i
        global.get $waits
        i32.ge_u
        br_if $done
        local.get $i
        i32.const 4
        i32.shl
        i32.const 65536
        i32.add
        local.tee $at
        call $look
        if
          local.get $kept
          i32.const 4
          i32.shl
          i32.const 65536
          i32.add
          local.get $at
          i32.const 16
          memory.copy
          local.get $kept
          i32.const 1
          i32.add
          local.set $kept
        end
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    local.get $kept
    global.set $waits
    local.get $root
    call $set_effective_context
    drop)

  ;; look tells whether a wait goes on.
  (func $look (param $at i32) (result i32) (local $size i32) (local $over i32)
    local.get $at
    i32.load
    call $set_effective_context
    if
      i32.const 0 ;; the request has ended
      return
    end
    call $key
    local.tee $size
    i32.eqz
    if
      i32.const 0
      return
    end
    local.get $at
    i32.load offset=4
    local.get $at
    i32.load offset=8
    local.get $size
    call $left
    if
      i32.const 0
      return
    end
    i32.const 0x72 ;; who is being answered waits for no request
    i32.const 1
    local.get $size
    call $left
    local.get $at
    i32.load offset=4
    i32.const 0x71
    i32.eq
    i32.and
    if
      i32.const 0
      return
    end
    local.get $at
    local.get $at
    i32.load offset=12
    i32.const 1
    i32.add
    i32.store offset=12
    local.get $at
    i32.load offset=12
    local.get $size
    call $limit
    i32.sub
    local.tee $over
    i32.const 0
    i32.le_s
    if
      i32.const 1
      return
    end
    local.get $over
    i32.const 1
    i32.eq
    if
      i32.const 0x65 ;; "e": another wait of the request's ended it already
      i32.const 1
      local.get $size
      call $left
      call $completed
      i32.or
      if
        i32.const 0
        return
      end
      global.get $ended
      i32.const 1
      i32.add
      global.set $ended
      local.get $size
      call $tell
      global.get $ended
      i32.const 256
      i32.le_s
      if
        call $refuse
        i32.const 1
        return
      end
    end
    call $completed
    if
      i32.const 0
      return
    end
    i32.const 0 ;; the filter holds the answer, too; or there are many
    call $close
    drop
    i32.const 0)

  ;; completed tells that a request has just ended, and is about to be forgotten:
  ;; the proxy takes no answer to it any more. Only then has it a duration.
  (func $completed (result i32)
    i32.const 65200
    i32.const 16
    i32.const 24
    i32.const 28
    call $get_property
    i32.eqz)

  ;; refuse answers 504. The proxy does so when it is back from here, for all, each
  ;; inside of the one before.
  (func $refuse
    i32.const 504
    i32.const 80
    i32.const 11
    i32.const 0
    i32.const 0
    i32.const 0
    i32.const 0
    i32.const -1
    call $answer
    drop)

  ;; tell says that a request is ended: to its other waits, in its record, and in
  ;; the log, which the agent reads.
  (func $tell (param $size i32)
    i32.const 128
    i32.const 0x65
    i32.store8
    i32.const 32
    i32.const 1
    i32.store8
    i32.const 116
    local.get $size
    i32.const 12
    i32.add
    i32.const 32
    i32.const 1
    call $set_property
    drop
    i32.const 117
    i32.const 80
    i32.const 12
    memory.copy
    i32.const 56
    i32.const 22
    i32.const 117
    local.get $size
    i32.const 5
    i32.add
    call $set_property
    drop
    i32.const 116
    i32.const 92
    i32.const 12
    memory.copy
    i32.const 3
    i32.const 104
    i32.const 4
    call $log
    drop))
