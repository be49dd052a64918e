import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { framed, messageCutter } from './loads/grpc.ts'
import { command, ReplyReader } from './loads/resp.ts'

describe('the wires of the benchmark', () => {
  it('messages of gRPC come out whole, wherever the chunks were cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.array(fc.nat(60)), (messages, cuts) => {
        const got: string[] = []
        const push = messageCutter((bytes) => got.push(bytes.toString('hex')))
        for (const chunk of cutUp(Buffer.concat(messages.map(framed)), cuts)) push(chunk)
        assert.deepEqual(
          got,
          messages.map((message) => Buffer.from(message).toString('hex')),
        )
      }),
    )
  })

  it("a reply of Redis comes out whole, wherever the chunks were cut, and an error is one's own", () => {
    const entries = ['1-0', '2-0'].flatMap((id) => ['*2\r\n', bulk(id), '*2\r\n', bulk('v'), bulk(`value ${id}`)])
    const reply = Buffer.from(['*1\r\n*2\r\n', bulk('s'), '*2\r\n', ...entries, '*0\r\n', '$-1\r\n', ':7\r\n'].join(''))
    fc.assert(
      fc.property(fc.array(fc.nat(30)), (cuts) => {
        const replies: string[][] = []
        let texts: string[] = []
        const reader = new ReplyReader({
          text: (bytes) => texts.push(String(bytes)),
          done: () => {
            replies.push(texts)
            texts = []
          },
        })
        for (const chunk of cutUp(reply, cuts)) reader.push(chunk)
        assert.deepEqual(replies, [['s', '1-0', 'v', 'value 1-0', '2-0', 'v', 'value 2-0'], [], [], ['7']])
        assert.throws(() => reader.push(Buffer.from('-ERR no\r\n')), /ERR no/)
      }),
    )
  })

  it('a command of Redis is an array of strings', () => {
    assert.equal(String(command('XADD', 's', Buffer.from('é'))), '*3\r\n$4\r\nXADD\r\n$1\r\ns\r\n$2\r\né\r\n')
  })
})

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}

/** Chunks of these sizes, then the rest. */
function cutUp(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let at = 0
  for (const size of sizes) {
    if (size > 0 && at < bytes.length) chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  if (at < bytes.length) chunks.push(bytes.subarray(at))
  return chunks
}
