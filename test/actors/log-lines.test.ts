import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { certificateEnds } from '../../src/actors/credentials.ts'
import { reportServer, warnOfEndedCertificates } from '../../src/actors/log-lines.ts'
import { LogWindow } from '../../src/actors/log-window.ts'
import { realClock } from '../../src/env/real-clock.ts'
import { createRealRpc } from '../../src/env/rpc/index.ts'
import { openDoor } from '../../src/server/open-door.ts'
import { createAuthority } from '../certificates.ts'

test('a certificate whose time is over is an error in the log, by what it is for; one that is good is not', async () => {
  const authority = await createAuthority()
  const serverTls = await authority.issue({ name: 'a', expired: true })
  const peerTls = await authority.issue({ name: 'a' })
  const credentials = { serverTls, peerTls, authorizer: openDoor, load: async () => {}, reload: async () => false }
  const ends = certificateEnds(credentials, createRealRpc({ clock: realClock }))
  assert.deepEqual(
    ends.map(({ use }) => use),
    ['server', 'peer'],
  )
  const lines: string[] = []
  warnOfEndedCertificates(ends, Date.now(), pino({}, { write: (line: string) => lines.push(line) }))
  const [line, ...others] = lines.map((text) => JSON.parse(text))
  assert.deepEqual(others, [])
  assert.equal(line.use, 'server')
  assert.equal(line.level, 50)
  assert.match(line.msg, /a certificate has ended/)
})

test('a stranger who hammers at the TLS port fills no log; what was left out is said', () => {
  const lines: { msg: string; count?: number }[] = []
  const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) })
  let nowMs = 0
  const window = new LogWindow({ monotonicMs: () => nowMs })
  const refused = () => reportServer(log, { kind: 'tlsRejected', from: '10.0.0.9', message: 'no certificate' }, window)
  for (let n = 0; n < 1000; n++) refused()
  assert.equal(lines.length, 10)
  nowMs = 10_000
  refused()
  assert.deepEqual(
    lines.slice(10).map(({ msg, count }) => [msg, count]),
    [
      ['more refused TLS handshakes were not logged', 990],
      ['a TLS handshake was refused', undefined],
    ],
  )
})
