/** nghttp2's load generator: a client in C, so that it is not the slow half. */

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stage, Target } from '../stage.ts'

export function h2loadVersion(): string | undefined {
  try {
    return /nghttp2\/([\d.]+)/.exec(execFileSync('h2load', ['--version'], { encoding: 'utf8' }))?.[1]
  } catch {
    return undefined
  }
}

export interface Calls {
  readonly path: string
  /** One framed message. */
  readonly body: Uint8Array
  readonly count: number
  readonly inFlight: number
}

/** Calls/s of one connection. A status of gRPC in the trailers is not seen: look elsewhere whether they succeeded. */
export async function callByH2load(
  stage: Stage,
  target: Target,
  { path, body, count, inFlight }: Calls,
): Promise<number> {
  const file = join(stage.folder(), 'body')
  writeFileSync(file, body)
  const scheme = target.caFile === undefined ? 'http' : 'https'
  const h2load = stage.run('h2load', [
    ...['h2load', '-n', String(count), '-c', '1', '-m', String(inFlight), '-d', file, '-w', '23', '-W', '23'],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', `${scheme}://${target.address}${path}`],
  ])
  await h2load.exited
  const perSecond = Number(/, ([\d.]+) req\/s/.exec(h2load.story())?.[1])
  if (!(perSecond > 0) || !h2load.story().includes(` ${count} succeeded,`)) throw new Error(`h2load: ${h2load.story()}`)
  return perSecond
}
