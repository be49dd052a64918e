/**
 * What a process asked of its disk and what the disk answered, step by step: enough to know of each moment what a loss of
 * power would have left. As bytes, steps follow each other in a file that may break off anywhere.
 */

export type DiskStep =
  /** With all folders above it. */
  | { readonly kind: 'folder'; readonly path: string }
  /** `made`: it was not there. Other steps call it by the number `file`. */
  | { readonly kind: 'open'; readonly file: number; readonly path: string; readonly made: boolean }
  | { readonly kind: 'write'; readonly file: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly file: number; readonly size: number }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  /** Begins; `answered` says how it ended. */
  | { readonly kind: 'sync'; readonly file: number; readonly call: number }
  | { readonly kind: 'syncFolder'; readonly path: string; readonly call: number }
  | { readonly kind: 'replace'; readonly path: string; readonly bytes: Uint8Array; readonly call: number }
  | { readonly kind: 'answered'; readonly call: number; readonly failed: boolean }
  /** The process is gone, and with it what it had under way. */
  | { readonly kind: 'ended' }

export interface TimedStep {
  /** By a clock that never goes back and is the same for all processes of the machine. */
  readonly atMs: number
  readonly step: DiskStep
}

/** Lengths of all behind this field and of the JSON in it; big-endian. */
const lengthsBytes = 8

export function encodeStep({ atMs, step }: TimedStep): Uint8Array {
  const { bytes = new Uint8Array(0), ...fields } = step as DiskStep & { bytes?: Uint8Array }
  const json = new TextEncoder().encode(JSON.stringify({ atMs, step: fields }))
  const encoded = new Uint8Array(lengthsBytes + json.length + bytes.length)
  const lengths = new DataView(encoded.buffer)
  lengths.setUint32(0, 4 + json.length + bytes.length)
  lengths.setUint32(4, json.length)
  encoded.set(json, lengthsBytes)
  encoded.set(bytes, lengthsBytes + json.length)
  return encoded
}

/** The whole steps at the beginning of these bytes, and how many bytes they are. */
export function decodeSteps(bytes: Uint8Array): { steps: TimedStep[]; used: number } {
  const steps: TimedStep[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let used = 0
  while (used + lengthsBytes <= bytes.length) {
    const end = used + 4 + view.getUint32(used)
    if (end > bytes.length) break
    const body = used + lengthsBytes + view.getUint32(used + 4)
    const { atMs, step } = JSON.parse(new TextDecoder().decode(bytes.subarray(used + lengthsBytes, body))) as TimedStep
    const carries = step.kind === 'write' || step.kind === 'replace'
    steps.push({ atMs, step: carries ? { ...step, bytes: new Uint8Array(bytes.subarray(body, end)) } : step })
    used = end
  }
  return { steps, used }
}
