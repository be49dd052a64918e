import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TlsMaterial } from '../../src/env/env.ts'
import { LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { type SimulatedCertificate, writeCertificate } from '../../src/simulation/certificates.ts'
import { worldBeganMs } from '../../src/simulation/clock.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { bytesOf, calm } from './calm.ts'

const material = (name: string, validMs?: number): TlsMaterial => {
  const until = validMs === undefined ? {} : { notAfterMs: worldBeganMs + validMs }
  const certificate: SimulatedCertificate = { uris: [], dnsNames: [name], ...until }
  return { ca: bytesOf('ca'), cert: writeCertificate(certificate), key: bytesOf('key') }
}

/** One method at `b`, and calls of it by `a`; `outcome` is the code of the error, or who was seen to call. */
async function calling(serverTls: TlsMaterial) {
  const world = createWorld({ seed: 1, network: calm })
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  const reports: string[] = []
  const server = await world.complete(
    b.env.rpc.serve({
      at: { host: b.ip, port: 1 },
      maxMessageBytes: 100,
      tls: serverTls,
      report: ({ message }) => reports.push(message),
      routes: [
        {
          method: LogService.method.listTopics,
          hot: false,
          handle: (call) => {
            call.send(bytesOf(call.caller.certificate?.dnsNames[0] ?? 'nobody'))
            call.finish()
            return { message: () => {} }
          },
        },
      ],
    }),
  )
  const outcome = (tls: TlsMaterial, serverName = 'b') =>
    world.complete(
      new Promise<string>((resolve) => {
        let caller = ''
        const channel = a.env.rpc.dial({ to: { host: b.ip, port: 1 }, tls, serverName })
        const call = channel.call(
          '/reeve.v1.LogService/ListTopics',
          {},
          {
            message: (bytes) => {
              caller = new TextDecoder().decode(bytes)
            },
            closed: (error) => resolve(error?.code ?? caller),
          },
        )
        call.end()
      }),
    )
  return { world, a, b, server, outcome, reports, after: (ms: number) => world.run({ untilMs: world.now + ms }) }
}

test('a certificate is good until its time, by the clock of whoever looks at it, and again once it was replaced', async () => {
  const { b, server, outcome, reports, after } = await calling(material('b', 10_000))
  assert.equal(await outcome(material('a')), 'a')
  await after(10_000)
  assert.equal(await outcome(material('a')), 'UNAVAILABLE', "the server's has run out")
  server.replaceTls(material('b'))
  assert.equal(await outcome(material('a')), 'a')
  assert.equal(await outcome(material('a', 15_000)), 'a')
  b.clockError.offsetMs = 60_000
  assert.equal(await outcome(material('a', 15_000)), 'UNAVAILABLE', 'to the server it has run out')
  assert.deepEqual(reports, ['the certificate has expired'])
})

test('a server is who its certificate says, and lets nobody in without one where it has an authority', async () => {
  const { outcome, reports } = await calling(material('b'))
  assert.equal(await outcome(material('a'), 'c'), 'UNAVAILABLE')
  assert.equal(await outcome({ ca: bytesOf('ca') }), 'UNAVAILABLE')
  assert.deepEqual(reports, ['no certificate was shown'])
})
