package abi

// TickEvery asks for ticks; 0 stops them.
func TickEvery(milliseconds uint32) Status { return proxySetTickPeriodMilliseconds(milliseconds) }

// Shared reads shared data.
func Shared(key string) (value []byte, cas uint32, s Status) {
	s = proxyGetSharedData(key, &returned.at, &returned.size, &returned.number)
	if s != OK {
		return nil, 0, s
	}
	return take(), returned.number, OK
}

// SetShared writes shared data.
func SetShared(key string, value []byte, cas uint32) Status {
	return proxySetSharedData(key, text(value), cas)
}

// RegisterQueue makes or finds a queue.
func RegisterQueue(name string) (id uint32, s Status) {
	s = proxyRegisterSharedQueue(name, &returned.number)
	return returned.number, s
}

// ResolveQueue finds another VM's queue.
func ResolveQueue(vmID, name string) (id uint32, s Status) {
	s = proxyResolveSharedQueue(vmID, name, &returned.number)
	return returned.number, s
}

// Enqueue appends an item.
func Enqueue(id uint32, item []byte) Status { return proxyEnqueueSharedQueue(id, text(item)) }

// Dequeue takes the oldest item.
func Dequeue(id uint32) ([]byte, Status) {
	if s := proxyDequeueSharedQueue(id, &returned.at, &returned.size); s != OK {
		return nil, s
	}
	return take(), OK
}

// Define makes or finds a metric.
func Define(kind Metric, name string) (id uint32, s Status) {
	s = proxyDefineMetric(kind, name, &returned.number)
	return returned.number, s
}

// Increment adds to a counter or gauge.
func Increment(id uint32, by int64) Status { return proxyIncrementMetric(id, by) }

// Record sets a gauge, or gives a histogram a value.
func Record(id uint32, value uint64) Status { return proxyRecordMetric(id, value) }

// Foreign calls one of the proxy's functions.
func Foreign(name string, argument []byte) ([]byte, Status) {
	returned.size = 0 // a function without a result writes none
	if s := proxyCallForeignFunction(name, text(argument), &returned.at, &returned.size); s != OK {
		return nil, s
	}
	return take(), OK
}
