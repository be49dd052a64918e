import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatGrpcTimeout, parseGrpcTimeout } from '../../../src/env/rpc/grpc-timeout.ts'

test('every unit is milliseconds', () => {
  const expected: [string, number][] = [
    ['2H', 7_200_000],
    ['3M', 180_000],
    ['4S', 4000],
    ['5m', 5],
    ['0S', 0],
    ['99999999H', 99_999_999 * 3_600_000],
  ]
  for (const [text, ms] of expected) assert.equal(parseGrpcTimeout(text), ms, text)
  assert.ok(Math.abs(parseGrpcTimeout('1500u')! - 1.5) < 1e-9)
  assert.ok(Math.abs(parseGrpcTimeout('2500000n')! - 2.5) < 1e-9)
})

test('what is not one to eight digits and a unit is malformed', () => {
  for (const text of [
    '',
    'S',
    '1',
    '1s',
    '1h',
    '-1S',
    '+1S',
    '1.5S',
    ' 1S',
    '1S ',
    '123456789S',
    '1 S',
    '1S\n',
    '0x1S',
  ]) {
    assert.equal(parseGrpcTimeout(text), undefined, JSON.stringify(text))
  }
})

test('milliseconds are written so that no time is lost, as eight digits allow', () => {
  const expected: [number, string][] = [
    [0, '0m'],
    [-5, '0m'],
    [0.2, '1m'],
    [1500, '1500m'],
    [99_999_999, '99999999m'],
    [100_000_001, '100001S'],
    [Number.MAX_SAFE_INTEGER, '99999999S'],
  ]
  for (const [ms, text] of expected) assert.equal(formatGrpcTimeout(ms), text)
})
