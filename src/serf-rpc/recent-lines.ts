/**
 * The last lines of a node's log, in the form of Serf's: `2026/01/02 15:04:05 [LEVEL] actor: text key=value`. Takes
 * pino's JSON lines as one of its streams. Times are UTC.
 */

/** As many as Serf keeps. */
export const linesKept = 512
/** Longer ones are cut, so that all of them together stay within 2 MiB. */
const maxLineChars = 2048

/** Serf's levels, the least important first. */
export const serfLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERR'] as const
export type SerfLevel = (typeof serfLevels)[number]

export interface RecentLine {
  readonly level: SerfLevel
  readonly text: string
}

export class RecentLines {
  /** A ring: the oldest is at `#next` once it is full. */
  readonly #lines: RecentLine[] = []
  #next = 0
  readonly #listeners = new Set<(line: RecentLine) => void>()

  /** For pino: one line of JSON. */
  write(json: string): void {
    const line = formatLine(json)
    if (!line) return
    this.#lines[this.#next] = line
    this.#next = (this.#next + 1) % linesKept
    for (const listener of [...this.#listeners]) listener(line)
  }

  /** The oldest first. */
  all(): RecentLine[] {
    return [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)]
  }

  /** Told of every line from now on. Returns what unsubscribes. */
  listen(listener: (line: RecentLine) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

export function isAtLeast(level: SerfLevel, least: SerfLevel): boolean {
  return serfLevels.indexOf(level) >= serfLevels.indexOf(least)
}

export function parseLevel(text: string): SerfLevel | undefined {
  return serfLevels.find((level) => level === text)
}

/** What stands in its own place, or means nothing to others. */
const placed = new Set(['level', 'time', 'msg', 'actor', 'node', 'pid', 'hostname'])

function formatLine(json: string): RecentLine | undefined {
  let line: Record<string, unknown>
  try {
    line = JSON.parse(json)
  } catch {
    return undefined
  }
  const level = levelOf(Number(line.level))
  const facts = Object.entries(line)
    .filter(([key]) => !placed.has(key))
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const text = `${timeOf(line.time)}[${level}] ${line.actor ?? 'agent'}: ${line.msg ?? ''}${facts.join('')}`
  return { level, text: text.replaceAll('\n', ' ').slice(0, maxLineChars) }
}

/** From pino's numbers. */
function levelOf(level: number): SerfLevel {
  if (level < 20) return 'TRACE'
  if (level < 30) return 'DEBUG'
  if (level < 40) return 'INFO'
  return level < 50 ? 'WARN' : 'ERR'
}

/** ISO 8601 as Go's log writes it: `2026-01-02T15:04:05.678Z` → `2026/01/02 15:04:05 `. */
function timeOf(time: unknown): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)/.exec(String(time))
  return match ? `${match[1]}/${match[2]}/${match[3]} ${match[4]} ` : ''
}
