import type { Http2Stream } from 'node:http2'

/** Writes them in one go where the stream can; then calls `written`, or ends the stream where there is none. */
export function writeChunks(stream: Http2Stream, chunks: readonly Uint8Array[], written?: () => void): void {
  if (chunks.length > 1) stream.cork()
  for (let index = 0; index < chunks.length - 1; index++) stream.write(chunks[index])
  if (written) stream.write(chunks.at(-1), written)
  else stream.end(chunks.at(-1))
  if (chunks.length > 1) stream.uncork()
}
