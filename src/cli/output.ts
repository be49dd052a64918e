/** What commands print to stdout. */

import type { TopicSettings } from '../client/servers.ts'

/** Resolves when there is room for more, so that a slow reader slows the command and not fills its memory. */
export async function write(data: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(data)) await new Promise<void>((resolve) => process.stdout.once('drain', resolve))
}

/** A reader that goes away (`reeve consume t | head -1`) ends the command, quietly. */
export function endQuietlyOnClosedPipe(): void {
  if (process.stdout.listenerCount('error') > 0) return
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1)
  })
  process.stderr.on('error', () => undefined)
}

/** Columns as wide as they need to be, two spaces apart; columns of numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const isNumber = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^[\d,.–-]*$/.test(row[column] ?? '')),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  return `${[head, ...rows].map(line).join('\n')}\n`
}

/** 12345 → 12,345 */
export function grouped(value: number): string {
  return value.toLocaleString('en-US')
}

/** 1 log, 2,000 logs */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** 1.5 MiB, for people. */
export function roundBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let scale = 0
  let value = bytes
  for (; value >= 1024 && scale < units.length - 1; scale++) value /= 1024
  return `${scale === 0 ? value : value.toFixed(1)} ${units[scale]}`
}

/** 3d, 12h, 5m, 40s, for people: the largest unit alone. */
export function roundTime(ms: number): string {
  const seconds = Math.max(0, ms / 1000)
  for (const [unit, size] of [['d', 86_400] as const, ['h', 3600] as const, ['m', 60] as const]) {
    if (seconds >= size) return `${Math.floor(seconds / size)}${unit}`
  }
  return `${Math.floor(seconds)}s`
}

/** "keeps 7d, 10.0 GiB; records up to 64.0 KiB"; what is not said is as each node's configuration says. */
export function settingsText(settings: TopicSettings): string {
  const { retentionMs, retentionBytes, retentionRecords, segmentMaxBytes, maxRecordBytes } = settings
  const limit = (value: number | undefined, what: string, text: (value: number) => string) =>
    value === undefined ? [] : [value === 0 ? `any ${what}` : text(value)]
  const kept = [
    ...limit(retentionMs, 'age', exactTime),
    ...limit(retentionBytes, 'size', roundBytes),
    ...limit(retentionRecords, 'number', (value) => counted(value, 'record')),
  ]
  const parts = [
    ...(kept.length > 0 ? [`keeps ${kept.join(', ')}`] : []),
    ...(segmentMaxBytes === undefined ? [] : [`segments of ${roundBytes(segmentMaxBytes)}`]),
    ...(maxRecordBytes === undefined ? [] : [`records up to ${roundBytes(maxRecordBytes)}`]),
  ]
  return parts.length === 0 ? "as each node's configuration says" : parts.join('; ')
}

/** 7d, 36h, 90s, 1500ms: the largest unit that says it exactly. */
function exactTime(ms: number): string {
  for (const [unit, size] of [['d', 86_400_000] as const, ['h', 3_600_000] as const, ['m', 60_000] as const]) {
    if (ms % size === 0) return `${ms / size}${unit}`
  }
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** For JSON: bytes as text where they are UTF-8. */
export function textOrBase64(bytes: Uint8Array): string | { base64: string } {
  try {
    return utf8.decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}
