;; The watch over one filter of somebody else's: one instance before it, one
;; behind. Requests come in at the one and leave at the other, answers the other
;; way round. How far each got is kept here, for each stream of each instance, and
;; nothing is asked of the proxy while requests pass. Four times a second what is
;; there is looked at: what came in and has not left for the limit ends with 504.
;; The instance behind then leaves its number in the request's filter state, where
;; the one before finds it: that is done once, and for those alone that are there
;; at a look.
;;
;; An instance's root id tells all that it knows: "q" where requests come in, "r"
;; where answers do; the filter's name; and the limit, in looks, in 6 digits.
;;
;; Memory: 8 now, 16 time of the last look, 24 and 28 where and how long what the
;; proxy gave is, 32 a number, 40 to 127 and 65200 texts, 128 what the proxy gives,
;; 65536 where the lists of streams begin, by the last bits of their numbers, and
;; 131072 the streams, of 40 bytes:
;;    0  the next of the list, or of those that are free
;;    4  the stream's number; 0: free
;;    8  how far its request got: 1 headers, 2 all of it
;;    9  how far its answer got
;;   10  where the instance stands: "q" before the filter, "r" behind; 0: not known
;;   11  1: it was ended, 2: it was closed
;;   12  the number of the same request's stream behind the filter; 0: not known
;;   16  for how many looks the request's headers were in, and then all of it
;;   24  the same of the answer
;;   32  the limit
(module
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $set_effective_context (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $set_tick_period (param i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $get_time (param i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 3 1024)
  (global $top (mut i32) (i32.const 131072)) ;; where no stream ever was
  (global $free (mut i32) (i32.const 0)) ;; the first that is free
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

  ;; list is where the list begins that a stream is in.
  (func $list (param $context i32) (result i32)
    local.get $context
    i32.const 16383
    i32.and
    i32.const 2
    i32.shl
    i32.const 65536
    i32.add)

  ;; find gives what is kept of a stream, 0 if nothing is.
  (func $find (param $context i32) (result i32) (local $at i32)
    local.get $context
    call $list
    local.set $at
    loop $next
      local.get $at
      i32.load
      local.tee $at
      i32.eqz
      if
        i32.const 0
        return
      end
      local.get $at
      i32.load offset=4
      local.get $context
      i32.ne
      br_if $next
    end
    local.get $at)

  ;; room is where the next stream goes, 0 if there is none: 1.6 million of them.
  (func $room (result i32) (local $at i32)
    global.get $free
    local.tee $at
    if
      local.get $at
      i32.load
      global.set $free
      local.get $at
      return
    end
    global.get $top
    local.tee $at
    i32.const 40
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
        i32.const 0
        return
      end
    end
    local.get $at
    i32.const 40
    i32.add
    global.set $top
    local.get $at)

  ;; stream is find, of streams that are new, too.
  (func $stream (param $context i32) (result i32) (local $at i32)
    local.get $context
    call $find
    local.tee $at
    if
      local.get $at
      return
    end
    call $room
    local.tee $at
    i32.eqz
    if
      i32.const 0
      return
    end
    local.get $at
    local.get $context
    call $list
    i32.load
    i32.store
    local.get $context
    call $list
    local.get $at
    i32.store
    local.get $at
    local.get $context
    i32.store offset=4
    local.get $at
    i64.const 0
    i64.store offset=8
    local.get $at
    i64.const 0
    i64.store offset=16
    local.get $at
    i64.const 0
    i64.store offset=24
    local.get $at)

  ;; delete forgets a stream, if it is known.
  (func $delete (export "proxy_on_delete") (param $context i32) (local $before i32) (local $at i32)
    local.get $context
    call $list
    local.set $before
    loop $next
      local.get $before
      i32.load
      local.tee $at
      i32.eqz
      if
        return
      end
      local.get $at
      i32.load offset=4
      local.get $context
      i32.ne
      if
        local.get $at
        local.set $before
        br $next
      end
    end
    local.get $before
    local.get $at
    i32.load
    i32.store
    local.get $at
    global.get $free
    i32.store
    local.get $at
    i32.const 0
    i32.store offset=4
    local.get $at
    global.set $free)

  ;; request and response take in how far one came. It goes on: 0.
  (func $request (param $context i32) (param $level i32) (result i32)
    local.get $context
    call $stream
    local.tee $context
    if
      local.get $context
      local.get $level
      i32.store8 offset=8
    end
    i32.const 0)

  (func $response (param $context i32) (param $level i32) (result i32)
    local.get $context
    call $stream
    local.tee $context
    if
      local.get $context
      local.get $level
      i32.store8 offset=9
    end
    i32.const 0)

  (func $request_headers (export "proxy_on_request_headers") (param $context i32) (param $headers i32) (param $end i32) (result i32)
    local.get $context
    local.get $end
    i32.const 0
    i32.ne
    i32.const 1
    i32.add
    call $request)

  (func $request_body (export "proxy_on_request_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    local.get $end
    if (result i32)
      local.get $context
      i32.const 2
      call $request
    else
      i32.const 0
    end)

  (func $request_trailers (export "proxy_on_request_trailers") (param $context i32) (param $trailers i32) (result i32)
    local.get $context
    i32.const 2
    call $request)

  (func $response_headers (export "proxy_on_response_headers") (param $context i32) (param $headers i32) (param $end i32) (result i32)
    local.get $context
    local.get $end
    i32.const 0
    i32.ne
    i32.const 1
    i32.add
    call $response)

  (func $response_body (export "proxy_on_response_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    local.get $end
    if (result i32)
      local.get $context
      i32.const 2
      call $response
    else
      i32.const 0
    end)

  (func $response_trailers (export "proxy_on_response_trailers") (param $context i32) (param $trailers i32) (result i32)
    local.get $context
    i32.const 2
    call $response)

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
  (func $tick (export "proxy_on_tick") (param $root i32)
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
    i32.const 0
    call $each
    i32.const 1
    call $each
    local.get $root
    call $set_effective_context
    drop)

  ;; each introduces every stream, or, after that, looks at it.
  (func $each (param $look i32) (local $at i32)
    i32.const 131072
    local.set $at
    block $done
      loop $next
        local.get $at
        global.get $top
        i32.ge_u
        br_if $done
        local.get $at
        i32.load offset=4
        if
          local.get $look
          if
            local.get $at
            call $look
          else
            local.get $at
            call $introduce
          end
        end
        local.get $at
        i32.const 40
        i32.add
        local.set $at
        br $next
      end
    end)

  ;; enter makes the proxy's next answers those for a stream, and gives how long the
  ;; root id at 128 is. A stream that is gone is forgotten: 0.
  (func $enter (param $at i32) (result i32)
    local.get $at
    i32.load offset=4
    call $set_effective_context
    if
      local.get $at
      i32.load offset=4
      call $delete
      i32.const 0
      return
    end
    call $key)

  ;; introduce asks where a stream's instance stands. One behind the filter leaves
  ;; its number.
  (func $introduce (param $at i32) (local $size i32)
    local.get $at
    i32.load8_u offset=10
    if
      return
    end
    local.get $at
    call $enter
    local.tee $size
    i32.eqz
    if
      return
    end
    local.get $at
    i32.const 128
    i32.load8_u
    i32.store8 offset=10
    local.get $at
    local.get $size
    call $limit
    i32.store offset=32
    i32.const 128
    i32.load8_u
    i32.const 0x72
    i32.ne
    if
      return
    end
    i32.const 32
    local.get $at
    i32.load offset=4
    i32.store
    i32.const 128
    i32.const 0x71
    i32.store8
    i32.const 116
    local.get $size
    i32.const 12
    i32.add
    i32.const 32
    i32.const 4
    call $set_property
    drop)

  ;; meet gives the number of the same request's stream behind the filter: 0, the
  ;; request never got there.
  (func $meet (param $at i32) (result i32) (local $size i32)
    local.get $at
    i32.load offset=12
    local.tee $size
    if
      local.get $size
      return
    end
    local.get $at
    call $enter
    local.tee $size
    i32.eqz
    if
      i32.const 0
      return
    end
    i32.const 116
    local.get $size
    i32.const 12
    i32.add
    i32.const 24
    i32.const 28
    call $get_property
    if
      i32.const 0
      return
    end
    local.get $at
    i32.const 128
    i32.load
    i32.store offset=12
    local.get $at
    i32.load offset=12)

  ;; look ends what the filter holds for too long.
  (func $look (param $at i32) (local $behind i32) (local $request i32) (local $answer i32)
    local.get $at
    i32.load8_u offset=10
    i32.const 0x71
    i32.ne
    local.get $at
    i32.load8_u offset=11
    i32.const 2
    i32.eq
    i32.or
    if
      return
    end
    local.get $at
    call $meet
    local.tee $behind
    if
      local.get $behind
      call $find
      local.tee $behind
      i32.eqz
      if
        return ;; the request is ending
      end
      local.get $behind
      i32.load8_u offset=8
      local.set $request
      local.get $behind
      i32.load8_u offset=9
      local.set $answer
    end
    local.get $at
    i32.load offset=4
    i32.eqz
    if
      return ;; it was forgotten
    end
    local.get $at
    i32.load8_u offset=9
    i32.eqz
    if ;; who is being answered waits for no request
      local.get $at
      i32.const 16
      i32.add
      local.get $at
      i32.load8_u offset=8
      local.get $request
      call $wait
      local.get $at
      i32.load offset=32
      i32.gt_u
      if
        local.get $at
        call $end
        return
      end
    end
    local.get $at
    i32.const 24
    i32.add
    local.get $answer
    local.get $at
    i32.load8_u offset=9
    call $wait
    local.get $at
    i32.load offset=32
    i32.gt_u
    if
      local.get $at
      call $end
    end)

  ;; wait gives for how many looks something waits that came in so far, and left so
  ;; far. Its headers and its end wait each by itself.
  (func $wait (param $at i32) (param $in i32) (param $out i32) (result i32)
    local.get $out
    local.get $in
    i32.ge_u
    if
      i32.const 0
      return
    end
    local.get $in
    i32.const 2
    i32.eq
    if
      local.get $at
      local.get $at
      i32.load offset=4
      i32.const 1
      i32.add
      i32.store offset=4
    end
    local.get $out
    if
      local.get $at
      i32.load offset=4
      return
    end
    local.get $at
    local.get $at
    i32.load
    i32.const 1
    i32.add
    i32.store
    local.get $at
    i32.load)

  ;; end answers a request. Where that is not let go either, or many are ended at
  ;; once, it closes the stream.
  (func $end (param $at i32)
    local.get $at
    call $enter
    i32.eqz
    if
      return
    end
    local.get $at
    i32.load8_u offset=11
    i32.eqz
    if
      call $completed
      if
        return
      end
      local.get $at
      call $enter
      call $tell
      local.get $at
      i32.const 1
      i32.store8 offset=11
      global.get $ended
      i32.const 1
      i32.add
      global.set $ended
      global.get $ended
      i32.const 256
      i32.le_s
      if
        call $refuse
        return
      end
    end
    local.get $at
    i32.const 2
    i32.store8 offset=11
    call $completed
    if
      return
    end
    i32.const 0
    call $close
    drop)

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

  ;; tell says that a request is ended: in its record, and in the log, which the
  ;; agent reads.
  (func $tell (param $size i32)
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
