/**
 * Batches as bytes. A batch is an encoded `reeve.v1.RecordBatch`; nodes check it once on arrival and from then on cut
 * it between records at most. Nothing here decodes or re-encodes a record, so what a producer wrote, unknown fields
 * included, is what every consumer gets.
 */

import { ReeveError } from '../errors.ts'

export interface BatchLimits {
  readonly maxBytes: number
  readonly maxRecords: number
  readonly maxRecordBytes: number
}

/** Tag byte of `RecordBatch.records`: field 1, length-delimited. */
const recordTag = 0x0a

const wireVarint = 0
const wireFixed64 = 1
const wireBytes = 2
const wireFixed32 = 5

/** Wire types of the fields we know (index: field number); any other field may come in any type. */
const recordFields = [undefined, wireBytes, wireBytes, wireBytes, wireVarint] as const
const keyTag = 0x0a
const valueTag = 0x12
const headersField = 3
const headerNameField = 1
const headerFields = [undefined, wireBytes, wireBytes] as const

/**
 * Number of records. Checks the framing of every record, field and header, so that no consumer's decoder can stumble
 * over what was accepted here; one pass, no allocation per record.
 *
 * Throws `BATCH_EMPTY`, `BATCH_TOO_LARGE` or `BATCH_MALFORMED`.
 */
export function checkBatch(bytes: Uint8Array, limits: BatchLimits): number {
  if (bytes.length === 0) throw new ReeveError('BATCH_EMPTY', 'a batch must hold at least one record')
  if (bytes.length > limits.maxBytes) throw tooLarge('batch', bytes.length, limits.maxBytes, 'bytes')
  const scan = new Scan(bytes)
  let records = 0
  while (scan.at < bytes.length) {
    if (bytes[scan.at] !== recordTag) throw malformed(scan.at, 'a batch holds nothing but records')
    scan.at++
    const size = scan.length(bytes.length)
    if (size > limits.maxRecordBytes) throw tooLarge('record', size, limits.maxRecordBytes, 'bytes')
    if (++records > limits.maxRecords) throw tooLarge('batch', records, limits.maxRecords, 'records')
    checkRecord(scan, scan.at + size)
  }
  return records
}

function checkRecord(scan: Scan, end: number): void {
  scan.at = behindPlainFields(scan.bytes, scan.at, end)
  while (scan.at < end) {
    const field = scan.field(end, recordFields)
    if (field === headersField) {
      const headerEnd = scan.at + scan.size
      while (scan.at < headerEnd) {
        const isName = scan.field(headerEnd, headerFields) === headerNameField
        if (isName && !isUtf8(scan.bytes.subarray(scan.at, scan.at + scan.size))) {
          throw malformed(scan.at, 'a header name that is not UTF-8')
        }
        scan.at += scan.size
      }
    } else scan.at += scan.size
  }
}

/** Skips keys and values of less than 16 KiB, of which most records are made; what is anything else is looked at slowly. */
function behindPlainFields(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at + 2 <= end && (bytes[at] === keyTag || bytes[at] === valueTag)) {
    let size = bytes[at + 1] as number
    let content = at + 2
    if (size >= 0x80) {
      const high = bytes[content++] as number
      if (content > end || high >= 0x80) break
      size += high * 128 - 0x80
    }
    if (content + size > end) break
    at = content + size
  }
  return at
}

/** A position in protobuf bytes; every read is bounded by the end of the message it belongs to. */
class Scan {
  readonly bytes: Uint8Array
  at = 0
  /** Of the content of the field that `field` found. */
  size = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Reads a tag and finds the size of what follows; `at` then stands at the content. Returns the field number. */
  field(end: number, known: readonly (number | undefined)[]): number {
    const start = this.at
    const tag = this.varint32(end)
    const number = tag >>> 3
    const wire = tag & 7
    if (number === 0) throw malformed(start, 'field number 0')
    if ((known[number] ?? wire) !== wire) throw malformed(start, `field ${number} has wire type ${wire}`)
    if (wire === wireBytes) this.size = this.length(end)
    else if (wire === wireVarint) this.size = this.varintSize(end)
    else if (wire === wireFixed64) this.size = 8
    else if (wire === wireFixed32) this.size = 4
    else throw malformed(start, `wire type ${wire}`)
    if (this.size > end - this.at) throw malformed(start, `field ${number} is cut short`)
    return number
  }

  /** A length prefix whose content fits before `end`. */
  length(end: number): number {
    const start = this.at
    const size = this.varint32(end)
    if (size > end - this.at) throw malformed(start, `a length of ${size} where ${end - this.at} bytes are left`)
    return size
  }

  private varint32(end: number): number {
    const start = this.at
    let value = 0
    for (let factor = 1; this.at < end && this.at - start < 5; factor *= 128) {
      const byte = this.bytes[this.at++] as number
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        if (value > 0xffffffff) throw malformed(start, 'a number over 32 bits')
        return value
      }
    }
    throw malformed(start, 'a number that does not end')
  }

  private varintSize(end: number): number {
    for (let size = 1; size <= 10 && this.at + size <= end; size++) {
      if ((this.bytes[this.at + size - 1] as number) < 0x80) return size
    }
    throw malformed(this.at, 'a number that does not end')
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A `string` that is not UTF-8 makes decoders throw. */
function isUtf8(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true
  try {
    utf8.decode(bytes)
    return true
  } catch {
    return false
  }
}

function malformed(at: number, what: string): ReeveError {
  return new ReeveError('BATCH_MALFORMED', `the batch is not a RecordBatch: ${what} at byte ${at}`)
}

function tooLarge(what: string, is: number, limit: number, unit: string): ReeveError {
  return new ReeveError('BATCH_TOO_LARGE', `a ${what} of ${is} ${unit}; the limit is ${limit}`, {
    facts: { limit: String(limit), unit },
  })
}
