import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, constants } from 'node:http2'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Clock, RpcHandler } from '../../../src/env/env.ts'
import { realClock } from '../../../src/env/real-clock.ts'
import { errorOfStatus } from '../../../src/env/rpc/grpc-status.ts'
import { createRealRpc } from '../../../src/env/rpc/index.ts'
import { ReeveError } from '../../../src/errors.ts'
import { LogService } from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { bytesOf, callRaw, echo, frame, loopback, openRaw, rawSession, rpc, serve, signal, silent } from './fixture.ts'

const hello = frame(bytesOf('hello'))

async function tcp(t: TestContext, port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

test('an address that is taken or not ours is ADDRESS_UNUSABLE, with host and port', async (t) => {
  const { port } = await serve(t, {})
  for (const at of [
    { host: '127.0.0.1', port },
    { host: '192.0.2.1', port: 0 },
  ]) {
    await assert.rejects(rpc.serve({ at, routes: [], maxMessageBytes: 1000 }), (error: unknown) => {
      assert.ok(error instanceof ReeveError)
      assert.equal(error.code, 'ADDRESS_UNUSABLE')
      assert.ok(error.message.includes(`${at.host}:${at.port}`), error.message)
      return true
    })
  }
})

test('when the HTTP port is taken, the other one is given back', async (t) => {
  const taken = await serve(t, {})
  const free = await serve(t, {})
  await free.server.close()
  const options = { routes: [], maxMessageBytes: 1000, at: { ...loopback, port: free.port } }
  await assert.rejects(rpc.serve({ ...options, httpAt: { ...loopback, port: taken.port } }), {
    code: 'ADDRESS_UNUSABLE',
  })
  const server = await rpc.serve(options)
  await server.close()
})

test('a caller may come while the server still begins to listen', async (t) => {
  const free = await serve(t, {})
  await free.server.close()
  const at = { ...loopback, port: free.port }
  // A name instead of an address takes the second listener longer than the first connection.
  const starting = serve(t, { produce: echo }, { at, httpAt: { host: 'localhost', port: 0 } })
  let session = connect(`http://127.0.0.1:${at.port}`)
  for (;;) {
    session.on('error', () => {})
    const fact = await Promise.race([once(session, 'remoteSettings').then(() => 'connected'), once(session, 'close')])
    if (fact === 'connected') break
    session = connect(`http://127.0.0.1:${at.port}`)
  }
  t.after(() => session.destroy())
  await starting
  assert.equal((await callRaw(session, 'Produce', [hello])).status, '0')
})

test('rubbish, silence and half a preface cost only their own connection', async (t) => {
  const { port, events } = await serve(t, { produce: echo })
  const rubbish = await tcp(t, port)
  rubbish.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(rubbish.resume(), 'close')
  const reset = await tcp(t, port)
  reset.write('PRI * HTTP/2.0\r\n')
  reset.resetAndDestroy()
  const badFrame = await tcp(t, port)
  badFrame.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  // A SETTINGS frame of an impossible length.
  badFrame.write(Buffer.from([0, 0, 5, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]))
  const goaway = Buffer.from([7, 0, 0, 0, 0, 0])
  let received = Buffer.alloc(0)
  while (!received.includes(goaway)) received = Buffer.concat([received, (await once(badFrame, 'data'))[0]])
  assert.ok(events.some(({ kind, from }) => kind === 'protocolError' && from === '127.0.0.1'))
  assert.equal((await callRaw(await rawSession(t, port), 'Produce', [hello])).status, '0')
})

/** The real clock, but timers of a second and more ring when told to. */
function handClock() {
  const pending = new Map<object, { callback: () => void; delayMs: number }>()
  const clock: Clock = {
    ...realClock,
    setTimeout(callback, delayMs) {
      if (delayMs < 1000) return realClock.setTimeout(callback, delayMs)
      const timer = {}
      pending.set(timer, { callback, delayMs })
      return timer
    },
    clearTimeout(timer) {
      if (timer !== undefined && !pending.delete(timer as object)) realClock.clearTimeout(timer)
    },
  }
  const ring = (delayMs: number) => {
    for (const [timer, entry] of [...pending]) {
      if (entry.delayMs !== delayMs) continue
      pending.delete(timer)
      entry.callback()
    }
  }
  return { clock, ring, pending }
}

async function serveByHand(t: TestContext, handlers: Record<string, RpcHandler>) {
  const hand = handClock()
  const routes = Object.entries(handlers).map(([name, handle]) => ({
    method: LogService.method[name as 'produce'],
    hot: true,
    handle,
  }))
  const server = await createRealRpc({ clock: hand.clock }).serve({ at: loopback, routes, maxMessageBytes: 1000 })
  t.after(() => server.close())
  return { ...hand, server, port: server.address.port }
}

test('a connection that never speaks HTTP/2 is closed, one that did is not', async (t) => {
  const { port, ring } = await serveByHand(t, { produce: echo })
  const session = await rawSession(t, port)
  await callRaw(session, 'Produce', [hello])
  const mute = await tcp(t, port)
  const closed = once(mute.resume(), 'close')
  await once(mute, 'data')
  ring(10_000)
  await closed
  assert.equal((await callRaw(session, 'Produce', [hello])).status, '0')
})

test('a connection without a call between two looks is closed by GOAWAY, one with a call stays', async (t) => {
  const { handle, called } = silent()
  const { port, ring, server, pending } = await serveByHand(t, { produce: echo, produceStream: handle })
  const idle = await rawSession(t, port)
  const busy = await rawSession(t, port)
  await callRaw(idle, 'Produce', [hello])
  openRaw(busy, 'ProduceStream').stream.write(hello)
  await called
  for (let look = 0; look < 3; look++) {
    ring(60_000)
    // After the second round trip the server has surely seen the answer to its own ping.
    for (let trip = 0; trip < 2; trip++) await new Promise<void>((resolve) => busy.ping(() => resolve()))
  }
  if (!idle.destroyed) await once(idle, 'close')
  assert.equal(server.calls.size, 1)
  assert.equal(busy.destroyed, false)
  await server.close()
  // A timer that outlives its connection would keep this waiting.
  while (pending.size > 0) await new Promise((resolve) => setImmediate(resolve))
})

test('a peer that answers no ping between two looks is gone, and so is its call', async (t) => {
  const gone = signal()
  const { handle, called } = silent({ cancelled: () => gone.resolve() })
  const { port, ring } = await serveByHand(t, { produceStream: handle })
  const session = await rawSession(t, port)
  openRaw(session, 'ProduceStream').stream.write(hello)
  await called
  ring(60_000)
  // In the same turn: no answer can have come.
  ring(60_000)
  await gone.promise
})

test('a connection has a thousand calls at most, and says so', async (t) => {
  const { port } = await serve(t, { produce: echo })
  const session = await rawSession(t, port)
  assert.equal(session.remoteSettings.maxConcurrentStreams, 1000)
  assert.equal(session.remoteSettings.initialWindowSize, 8 * 1024 * 1024)
  await new Promise<void>((resolve) => session.ping(() => resolve()))
  assert.ok((session.state.remoteWindowSize ?? 0) > 7 * 1024 * 1024)
})

test('header lists over the limit are refused', async (t) => {
  const { port } = await serve(t, { produce: echo })
  const session = await rawSession(t, port)
  const { answer } = openRaw(session, 'Produce', { 'x-big': 'x'.repeat(40_000) })
  assert.notEqual((await answer).status, '0')
  assert.equal((await callRaw(await rawSession(t, port), 'Produce', [hello])).status, '0')
})

test('who opens and resets streams in a flood is thrown out, others are served', async (t) => {
  let open = 0
  const { port, server } = await serve(t, {
    produceStream: () => {
      open++
      return { message() {}, cancelled: () => open-- }
    },
    produce: echo,
  })
  const flood = connect(`http://127.0.0.1:${port}`)
  flood.on('error', () => {})
  t.after(() => flood.destroy())
  await once(flood, 'connect')
  const thrownOut = new Promise((resolve) => flood.on('close', resolve))
  const storm = () => {
    for (let index = 0; index < 500 && !flood.destroyed && !flood.closed; index++) {
      const stream = flood.request({
        ':method': 'POST',
        ':path': '/reeve.v1.LogService/ProduceStream',
        'content-type': 'application/grpc',
      })
      stream.on('error', () => {})
      stream.close(constants.NGHTTP2_CANCEL)
    }
    if (!flood.destroyed) setImmediate(storm)
  }
  storm()
  await thrownOut
  assert.equal((await callRaw(await rawSession(t, port), 'Produce', [hello])).status, '0')
  while (server.calls.size > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(open, 0)
})

test('drain tells callers by GOAWAY, lets calls under way end, and takes no new ones', async (t) => {
  const { port, server } = await serve(t, { produceStream: echo })
  const session = await rawSession(t, port)
  const idle = await rawSession(t, port)
  const { stream, answer } = openRaw(session, 'ProduceStream')
  stream.write(hello)
  await once(stream, 'data')
  assert.equal(server.calls.size, 1)
  const goaway = [once(session, 'goaway'), once(idle, 'close')]
  const drained = server.drain(60_000)
  await Promise.all(goaway)
  const late = await tcp(t, port).then(
    () => 'connected',
    (error) => error.code,
  )
  assert.equal(late, 'ECONNREFUSED')
  stream.end(hello)
  const { status, messages } = await answer
  assert.deepEqual([status, messages.length], ['0', 2])
  await drained
  assert.equal(server.calls.size, 0)
})

test('what does not end within the grace is cut: the handler hears it, the caller gets UNAVAILABLE', async (t) => {
  let cancelled = 0
  const listener = { cancelled: () => cancelled++ }
  const fast = silent(listener)
  const slow = silent(listener)
  const { port, server } = await serve(t, { produceStream: fast.handle, getServers: slow.handle })
  const session = await rawSession(t, port)
  const first = openRaw(session, 'ProduceStream')
  first.stream.write(hello)
  const second = openRaw(session, 'GetServers')
  second.stream.end(frame(new Uint8Array(0)))
  await Promise.all([fast.called, slow.called])
  assert.equal(server.calls.size, 2)
  await server.drain(10)
  assert.equal(cancelled, 2)
  for (const { answer } of [first, second]) {
    const { status, message, details } = await answer
    assert.equal(status, '14')
    // Not NODE_STOPPING, which says that nothing was stored: here nobody knows.
    assert.equal(errorOfStatus(14, message!, details).code, 'UNAVAILABLE')
  }
})

test('close cuts at once, also a drain that waits and connections that never spoke', async (t) => {
  const gone = signal()
  const { handle, called } = silent({ cancelled: () => gone.resolve() })
  const { port, server } = await serve(t, { produceStream: handle }, { httpAt: loopback })
  const mute = [await tcp(t, port), await tcp(t, server.httpAddress!.port)]
  const { stream } = openRaw(await rawSession(t, port), 'ProduceStream')
  stream.write(hello)
  await called
  const drained = server.drain(3_600_000)
  const closed = server.close()
  await gone.promise
  await Promise.all([drained, closed, ...mute.map((socket) => socket.destroyed || once(socket.resume(), 'close'))])
  await server.close()
})

test('a caller who reads nothing cannot hold up the close', async (t) => {
  const { port, server } = await serve(t, {
    consumeStream: (call) => {
      const fill = () => {
        while (call.send(new Uint8Array(100_000)));
        stuck.resolve()
      }
      return { message: fill, drained: fill }
    },
  })
  const stuck = signal()
  const session = await rawSession(t, port)
  const { stream } = openRaw(session, 'ConsumeStream')
  stream.pause()
  stream.end(hello)
  await stuck.promise
  await server.close()
  assert.equal(server.calls.size, 0)
})

test('drain waits for an answer by HTTP/1.1 and closes its connection then', async (t) => {
  const { handle, called } = silent()
  const { server } = await serve(t, { getServers: handle }, { httpAt: loopback })
  const response = fetch(`http://127.0.0.1:${server.httpAddress!.port}/reeve.v1.LogService/GetServers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  const call = await called
  const drained = server.drain(3_600_000)
  call.send(new Uint8Array(0))
  call.finish()
  assert.equal((await response).status, 200)
  await drained
})

test('who still sends after its call has ended gets all answers and the status, however slowly it reads', async (t) => {
  const ended = signal()
  const { port, ring } = await serveByHand(t, {
    produceStream: (call) => ({
      message: () => {
        for (let sent = 0; sent < 10; sent++) call.send(new Uint8Array(100_000))
        call.finish(new ReeveError('DISK_FULL', 'no room'))
        ended.resolve()
      },
    }),
  })
  const { stream, answer } = openRaw(await rawSession(t, port), 'ProduceStream')
  stream.pause()
  stream.write(hello)
  await ended.promise
  ring(1000)
  stream.resume()
  await once(stream, 'trailers')
  // Now the caller's open end is cut off.
  while (!stream.destroyed) {
    ring(1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { status, messages } = await answer
  assert.deepEqual([status, messages.length], ['8', 10])
})

/** A connection through here can be given bytes that the client never wrote. */
async function relay(t: TestContext, port: number) {
  let toServer: Socket | undefined
  const fromServer: Buffer[] = []
  const server = createServer((client) => {
    toServer = connectTcp(port, '127.0.0.1')
    for (const socket of [client, toServer]) {
      socket.on('error', () => {})
      t.after(() => socket.destroy())
    }
    toServer.on('data', (bytes: Buffer) => fromServer.push(bytes))
    client.pipe(toServer).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return {
    port: (server.address() as AddressInfo).port,
    inject: (bytes: Buffer) => toServer?.write(bytes),
    async answered(bytes: Buffer) {
      while (!Buffer.concat(fromServer).includes(bytes)) await once(toServer!, 'data')
    },
  }
}

test('a draining server answers the pings of those whose calls it lets end', async (t) => {
  const { port, server } = await serve(t, { produceStream: echo })
  const between = await relay(t, port)
  const session = await rawSession(t, between.port)
  const { stream } = openRaw(session, 'ProduceStream')
  stream.write(hello)
  await once(stream, 'data')
  const goaway = once(session, 'goaway')
  const drained = server.drain(60_000)
  await goaway
  // PING: length 8, type 6; its answer has the flag ACK.
  between.inject(Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, ...Buffer.from('still up')]))
  await between.answered(Buffer.from([0, 0, 8, 6, 1, 0, 0, 0, 0, ...Buffer.from('still up')]))
  await Promise.all([drained, server.close()])
})
