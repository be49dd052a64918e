/** What commands print to stdout. */

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

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** For JSON: bytes as text where they are UTF-8. */
export function textOrBase64(bytes: Uint8Array): string | { base64: string } {
  try {
    return utf8.decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}
