/**
 * What may be seen of anything: secrets never, large things as their size. What it gives is plain JSON of bounded size,
 * and given to it again stays as it is.
 */

import { elide } from './elide.ts'
import type { Hidden, Json } from './record.ts'

const textMaxLength = 300
const depthMax = 8
/** Of one entry of a context, as JSON. */
const entryMaxBytes = 4096
const itemsMax = 1000

const hidden: Hidden & { readonly [key: string]: Json } = { hidden: true }
const hiddenText = '(hidden)'

/** What must not be told whatever it holds, by its name. */
const secretName =
  /pass(word|wd|phrase)?$|secret|token|credential|private|bearer|authorization|cookie|\bpem$|Pem$|^keys?$|[a-z]Keys?$|[_-]keys?$|keyring/i

/** What may look like anything and is no secret, by its name. */
const plainName = /^(name|node|origin|epoch|topic|cluster|rpcAddress|httpAddress|address)$/

/** What must not be told wherever it stands: PEM, base64 of a key's length, long runs of digits and letters, bearers. */
const secretTexts = [
  /-----BEGIN [^-]*-----[\s\S]*?(-----END [^-]*-----|$)/g,
  /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{22,}={1,2}/g,
  /(?<![A-Za-z0-9+_])[A-Za-z0-9+_]{32,}(?![A-Za-z0-9+_])/g,
  /(?<=\b(?:bearer|basic)\s+)\S+/gi,
  /(?<=\b(?:password|passwd|secret|token|key)\s*[=:]\s*)(?!\(hidden\))\S+/gi,
]

/** A text of any origin, cut and without what looks like a secret. */
export function redactText(text: string): string {
  let shown = text.length > 4 * textMaxLength ? text.slice(0, 4 * textMaxLength) : text
  for (const pattern of secretTexts) shown = shown.replace(pattern, hiddenText)
  return cut(shown)
}

export function cut(text: string): string {
  return text.length > textMaxLength ? `${text.slice(0, textMaxLength - 1)}…` : text
}

export function isSecretName(name: string): boolean {
  return secretName.test(name)
}

export function isPlainName(name: string): boolean {
  return plainName.test(name)
}

/** A context as it may be seen: entry by entry, the large ones elided. */
export function redactContext(context: { readonly [key: string]: unknown }): { readonly [key: string]: Json } {
  const shown: Record<string, Json> = {}
  for (const [name, value] of Object.entries(context)) {
    if (value === undefined) continue
    const entry = redactNamed(name, value, 0)
    shown[name] =
      typeof entry === 'object' && JSON.stringify(entry).length > entryMaxBytes ? { ...elide(value) } : entry
  }
  return shown
}

function redactNamed(name: string, value: unknown, depth: number): Json {
  if (isSecretName(name)) return hidden
  return typeof value === 'string' && isPlainName(name) ? cut(value) : redact(value, depth)
}

function redact(value: unknown, depth: number): Json {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value !== 'object') return null
  if (value instanceof Uint8Array) return { ...elide(value) }
  if (depth === depthMax) return '…'
  if (value instanceof Error) return redactText(value.message)
  if (Array.isArray(value)) {
    return value.length > itemsMax ? { ...elide(value) } : value.map((item) => redact(item, depth + 1))
  }
  const parts = Object.entries(value)
  if (parts.length > itemsMax) return { ...elide(value) }
  const shown: Record<string, Json> = {}
  for (const [name, part] of parts) {
    if (part !== undefined) shown[name] = redactNamed(name, part, depth + 1)
  }
  return shown
}
