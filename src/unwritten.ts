/** Memory that was not cleared, for whoever writes all of it before anybody else sees it. */
export function unwritten(bytes: number): Uint8Array {
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(bytes)
  return new Uint8Array(buffer, byteOffset, bytes)
}
