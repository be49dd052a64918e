import type { KeyResult } from '../actors/serf-member.ts'

/** Serf's sentence on a key operation that did not work everywhere; empty: it did. */
export function keyProblem({ nodes, responses, errors }: KeyResult): string {
  if (errors > 0) return `${errors}/${nodes} nodes reported failure`
  return responses < nodes ? `${responses}/${nodes} nodes reported success` : ''
}
