/** Steps of a plan in words, for people. */

import type { DiskTrouble } from './disk-trouble.ts'
import type { Fault, FaultStep } from './faults.ts'

/** `12.345 s  partition [a b | rest]` */
export function describeStep(step: FaultStep): string {
  return `${(step.atMs / 1000).toFixed(3)} s  ${describeFault(step)}`
}

export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'partition':
      return `${named(fault)} [${listed(fault.groups)} | rest]`
    case 'bridge':
      return `${named(fault)} [${listed(fault.sides)}]`
    case 'flap':
      return `${named(fault)} [${listed(fault.sides)}], ${fault.downMs} ms down, ${fault.upMs} ms up`
    case 'block':
    case 'halfOpen':
      return `${fault.kind} ${fault.from} to ${fault.to}`
    case 'reset':
      return `reset connections of ${fault.host}${fault.peer === undefined ? '' : ` to ${fault.peer}`}`
    case 'weather': {
      const { loss = 0, delay, bytesPerSecond } = fault.weather
      const width = bytesPerSecond === undefined ? '' : `, ${bytesPerSecond} bytes/s`
      const facts = `loss ${(loss * 100).toFixed(0)} %, delay up to ${(delay?.maxMs ?? 0).toFixed(0)} ms${width}`
      return `${named(fault)} ${area(fault)}: ${facts}`
    }
    case 'heal':
    case 'calm':
      return named(fault)
    case 'clock':
      return `clock of ${fault.host} off by ${fault.offsetMs} ms`
    case 'drift':
      return `clock of ${fault.host} drifts by ${fault.ppm} ppm`
    case 'stall':
    case 'hang':
      return `${fault.kind === 'hang' ? 'disk of ' : ''}${fault.host} ${fault.kind}s for ${fault.forMs} ms`
    case 'disk':
      return `disk of ${fault.host}: ${trouble(fault.trouble)}`
    case 'diskHeals':
      return `disk of ${fault.host} heals${fault.id === undefined ? '' : ` of ${fault.id}`}`
    case 'rot':
      return `a bit rots at ${fault.host}, at ${(fault.share * 100).toFixed(2)} %`
    case 'clone':
      return `${fault.host} gets the disk of ${fault.from}`
    case 'rename':
      return `${fault.host} is called ${fault.as}`
    case 'swapAddresses':
      return `${fault.host} and ${fault.other} swap their addresses`
    case 'settings':
      return `${fault.host ?? 'each'} is set to ${JSON.stringify(fault.settings)}`
    case 'forceLeave':
      return `${fault.host} declares ${fault.of} left`
    case 'changeKey':
      return `the key of gossip is changed at ${fault.host}`
    case 'certificate':
      return `the certificate of ${fault.host} is good for ${fault.forMs} ms`
    case 'forbid':
      return fault.hosts.length > 0 ? `${fault.host} forbids ${fault.hosts.join(' ')}` : `${fault.host} lets all in`
    default:
      return `${fault.kind} ${fault.host}`
  }
}

function named({ kind, id }: { readonly kind: string; readonly id?: string }): string {
  return id === undefined ? kind : `${kind} (${id})`
}

function listed(groups: readonly (readonly string[])[]): string {
  return groups.map((group) => group.join(' ')).join(' | ')
}

function area({ hosts, from, to }: Fault & { kind: 'weather' }): string {
  if (hosts !== undefined) return `at ${hosts.join(' ')}`
  if (from === undefined && to === undefined) return 'everywhere'
  return `from ${from?.join(' ') ?? 'all'} to ${to?.join(' ') ?? 'all'}`
}

function trouble(trouble: DiskTrouble): string {
  switch (trouble.kind) {
    case 'error': {
      const times = trouble.times === undefined ? '' : ` ${trouble.times} times`
      return `${trouble.code} on ${trouble.operations.join(', ')}${times}`
    }
    case 'full':
      return `full but for ${trouble.freeBytes} bytes`
    case 'slow':
      return `syncs take up to ${trouble.upToMs} ms longer`
    case 'readOnly':
      return 'read-only'
    default:
      return 'syncs are lies'
  }
}
