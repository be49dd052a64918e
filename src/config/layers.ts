/**
 * Where settings come from. Each source becomes a layer: what it sets, each with a name for error messages, and what is
 * wrong with its keys. Values are judged later, by `resolveConfig`, when it is known which one counts.
 */

import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import { type Field, fields } from './fields.ts'
import { didYouMean } from './suggest.ts'

export interface Setting {
  readonly path: string
  readonly value: unknown
  /** `--rpc-port`, `REEVE_RPC_PORT`, `reeve.yaml:12 rpcPort` */
  readonly source: string
}

export interface Layer {
  readonly settings: readonly Setting[]
  readonly problems: readonly string[]
}

/** Largest configuration file read. */
export const configFileMaxBytes = 1024 * 1024

const byPath = new Map(fields.map((field) => [field.path, field]))
const groups = new Set(fields.flatMap((field) => (field.path.includes('.') ? [field.path.split('.')[0]!] : [])))
const topKeys = [...new Set(fields.map((field) => field.path.split('.')[0]!))]

/** Variables of the command line itself, which configure no node. */
const otherVariables = [
  'REEVE_CONFIG_FILE',
  'REEVE_ADDR',
  'REEVE_TLS_CA_FILE',
  'REEVE_TLS_CERT_FILE',
  'REEVE_TLS_KEY_FILE',
  'REEVE_TLS_SERVER_NAME',
  'REEVE_DEBUG',
]

/** What Kubernetes sets in every pod when a service is called `reeve…`. */
const serviceLink = /^REEVE\w*_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/

/** The object given to `createNode`. */
export function layerFromObject(object: object): Layer {
  const settings: Setting[] = []
  const problems: string[] = []
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue
    if (!groups.has(key)) addKey(key, value, key, topKeys)
    else if (typeof value !== 'object' || value === null) problems.push(`${key}: needs an object`)
    else {
      for (const [inner, file] of Object.entries(value)) {
        if (file !== undefined) addKey(`${key}.${inner}`, file, `${key}.${inner}`, byPath.keys())
      }
    }
  }
  return { settings, problems }

  function addKey(path: string, value: unknown, source: string, known: Iterable<string>) {
    if (byPath.has(path)) settings.push({ path, value, source })
    else problems.push(`${source}: there is no such setting${didYouMean(path, known)}`)
  }
}

/** All `REEVE_…` variables; an unknown one is an error, because a misspelt policy file must not go unnoticed. */
export function layerFromVariables(variables: Readonly<Record<string, string | undefined>>): Layer {
  const byVariable = new Map(fields.map((field) => [field.variable, field]))
  const settings: Setting[] = []
  const problems: string[] = []
  for (const [name, value] of Object.entries(variables)) {
    if (!name.startsWith('REEVE_') || value === undefined) continue
    const field = byVariable.get(name)
    if (field && value === '') problems.push(`${name}: is empty; unset it to use the default`)
    else if (field) settings.push({ path: field.path, value, source: name })
    else if (!otherVariables.includes(name) && !serviceLink.test(name)) {
      problems.push(`${name}: there is no such variable${didYouMean(name, [...byVariable.keys(), ...otherVariables])}`)
    }
  }
  return { settings, problems }
}

/** `values` by flag (`--rpc-port`); `unknown`: what looked like a flag and is none. */
export function layerFromFlags(values: ReadonlyMap<string, unknown>, unknown: readonly string[] = []): Layer {
  const flags = ['--config-file', ...fields.map((field) => field.flag)]
  return {
    settings: fields.flatMap((field: Field) => {
      const value = values.get(field.flag)
      return value === undefined ? [] : { path: field.path, value, source: field.flag }
    }),
    problems: unknown.map((word) =>
      word.startsWith('-')
        ? `${word}: there is no such flag${didYouMean(word, flags)}`
        : `${word}: reeve agent takes flags only`,
    ),
  }
}

/** A YAML or JSON file (JSON is YAML). `name` is what error messages call it. */
export function layerFromFile(text: string, name: string): Layer {
  if (text.length > configFileMaxBytes) return { settings: [], problems: [`${name}: is larger than 1 MiB`] }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}`
  const problems = document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`)
  const settings: Setting[] = []
  if (problems.length > 0 || document.contents === null) return { settings, problems }
  if (!isMap(document.contents)) return { settings, problems: [`${name}: needs keys and values at its top level`] }
  readMap(document.contents, '')
  return { settings, problems }

  function readMap(map: { items: readonly { key: unknown; value: unknown }[] }, prefix: string): void {
    for (const { key, value } of map.items) {
      const where = isScalar(key) && key.range ? at(key.range[0]) : name
      const path = `${prefix}${isScalar(key) ? String(key.value) : '?'}`
      if (prefix === '' && groups.has(path)) {
        if (isMap(value)) readMap(value, `${path}.`)
        else problems.push(`${where} ${path}: needs keys and values below it`)
      } else if (byPath.has(path)) {
        try {
          settings.push({ path, value: plain(value), source: `${where} ${path}` })
        } catch {
          problems.push(`${where} ${path}: refers to an anchor that cannot be resolved`)
        }
      } else {
        const known = prefix === '' ? topKeys : byPath.keys()
        problems.push(`${where} ${path}: there is no such setting${didYouMean(path, known)}`)
      }
    }
  }

  function plain(value: unknown): unknown {
    const node = value as { toJS?: (of: unknown, options: object) => unknown } | null
    return node?.toJS ? node.toJS(document, { mapAsMap: true, maxAliasCount: 10 }) : value
  }
}
