import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { errorOfStatus, percentEncode, trailersOf } from '../../../src/env/rpc/grpc-status.ts'
import { errorTable, GrpcCode, isErrorCode, ReeveError } from '../../../src/errors.ts'
import { ErrorInfoSchema, StatusSchema } from '../../../src/gen/google/rpc/status_pb.ts'

function detailsOf(error: ReeveError): Uint8Array {
  return Buffer.from(trailersOf(error)['grpc-status-details-bin']!, 'base64')
}

test('no error is status 0 and nothing else', () => {
  assert.deepEqual(trailersOf(undefined), { 'grpc-status': '0' })
})

test('an error carries status, message and an ErrorInfo with its code and facts', () => {
  const error = new ReeveError('OFFSET_TRIMMED', 'gone', { facts: { start: '5', end: '9' } })
  assert.equal(trailersOf(error)['grpc-status'], '11')
  assert.equal(trailersOf(error)['grpc-message'], 'gone')
  const status = fromBinary(StatusSchema, detailsOf(error))
  const info = anyUnpack(status.details[0]!, ErrorInfoSchema)!
  assert.deepEqual([status.code, status.message], [11, 'gone'])
  assert.deepEqual([info.reason, info.domain, info.metadata], ['OFFSET_TRIMMED', 'reeve', { start: '5', end: '9' }])
})

test('every code of the table comes back as itself, with its facts', () => {
  for (const code of Object.keys(errorTable)) {
    assert.ok(isErrorCode(code))
    const sent = new ReeveError(code, 'why', { facts: { a: '1', b: 'ä' } })
    const received = errorOfStatus(sent.grpc, 'why', detailsOf(sent))
    assert.deepEqual(
      [received.code, received.message, received.grpc, received.facts],
      [code, 'why', sent.grpc, sent.facts],
    )
    assert.equal(received.remoteGrpc, undefined)
  }
})

test('the message is the one that was sent, not what a library made of the trailers', () => {
  const sent = new ReeveError('PERMISSION_DENIED', 'spiffe://reeve/client/anna may not 100% do that')
  const received = errorOfStatus(sent.grpc, 'spiffe%3A%2F%2Freeve may not', detailsOf(sent))
  assert.equal(received.message, sent.message)
})

test('a status that differs from the table is kept', () => {
  const sent = new ReeveError('REQUEST_MALFORMED', 'x', { remoteGrpc: GrpcCode.UNIMPLEMENTED })
  assert.equal(trailersOf(sent)['grpc-status'], '12')
  const received = errorOfStatus(12, 'x', detailsOf(sent))
  assert.deepEqual([received.code, received.grpc], ['REQUEST_MALFORMED', GrpcCode.UNIMPLEMENTED])
})

test('a status without details of ours gets the code that says the same, or INTERNAL with the status', () => {
  const expected: [number, string][] = [
    [1, 'CANCELLED'],
    [3, 'REQUEST_MALFORMED'],
    [4, 'DEADLINE_EXCEEDED'],
    [5, 'INTERNAL'],
    [7, 'PERMISSION_DENIED'],
    [12, 'METHOD_UNKNOWN'],
    [14, 'UNAVAILABLE'],
    [16, 'UNAUTHENTICATED'],
  ]
  for (const [status, code] of expected) {
    const error = errorOfStatus(status, 'm', undefined)
    assert.deepEqual([error.code, error.grpc], [code, status])
  }
  for (const odd of [0, 17, -1, 1.5, Number.NaN]) assert.equal(errorOfStatus(odd, '', undefined).grpc, GrpcCode.UNKNOWN)
})

test('details of strangers, or garbage, are no codes of ours', () => {
  const foreign = create(StatusSchema, {
    details: [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: 'DISK_FULL', domain: 'example.com' }))],
  })
  const unknown = create(StatusSchema, {
    details: [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: 'toString', domain: 'reeve' }))],
  })
  for (const bytes of [toBinary(StatusSchema, foreign), toBinary(StatusSchema, unknown), new Uint8Array([0xff, 1])]) {
    assert.equal(errorOfStatus(14, 'm', bytes).code, 'UNAVAILABLE')
  }
})

test('grpc-message is printable ASCII and decodes to the text', () => {
  assert.equal(percentEncode('100% of ä\n'), '100%25 of %C3%A4%0A')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const encoded = percentEncode(text)
      assert.match(encoded, /^[\x20-\x7e]*$/)
      assert.equal(decodeURIComponent(encoded), text)
    }),
  )
})

test('trailers stay small and well-formed whatever the message and the facts', () => {
  const error = new ReeveError('INTERNAL', 'ä'.repeat(100_000), { facts: { big: 'x'.repeat(100_000) } })
  const trailers = trailersOf(error)
  assert.ok(JSON.stringify(trailers).length < 6000)
  assert.match(decodeURIComponent(trailers['grpc-message']!), /^ä+…$/)
  assert.equal(decodeURIComponent(trailersOf(new ReeveError('INTERNAL', '\ud800'))['grpc-message']!), '\ufffd')
})
