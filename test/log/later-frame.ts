import { crc32 } from '@node-rs/crc32'

/** A frame as some later version may write it: another header, other bytes, the same envelope. */
export function later(version: number, headerBytes = 80): Buffer {
  const frame = Buffer.alloc(headerBytes + 33, 0x5a)
  frame.write('REEV')
  frame.writeUInt8(version, 16)
  frame.writeUInt16BE(headerBytes, 18)
  frame.writeUInt32BE(33, 20)
  frame.writeUInt32BE(crc32(frame.subarray(8)), 4)
  return frame
}
