import { ReeveError } from '../errors.ts'

/** The lines of a stream as bytes, without their line feeds; the last one needs none. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, maxLineBytes: number): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = []
  let restBytes = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const last = chunk.subarray(from, end)
      checkLength(restBytes + last.length)
      yield rest.length === 0 ? last : Buffer.concat([...rest, last])
      rest = []
      restBytes = 0
      from = end + 1
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from))
      restBytes += chunk.length - from
      checkLength(restBytes)
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest)

  function checkLength(bytes: number): void {
    if (bytes > maxLineBytes) throw new ReeveError('BATCH_TOO_LARGE', `a line is longer than ${maxLineBytes} bytes`)
  }
}
