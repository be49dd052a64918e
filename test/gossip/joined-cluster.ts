/** A cluster whose nodes have all found each other, and what may be put into it and seen of it. */

import { encodeMessage } from '../../src/gossip/memberlist-codec.ts'
import type { Message } from '../../src/gossip/messages.ts'
import { encodePacket } from '../../src/gossip/packet.ts'
import { Cluster, type Node } from './cluster.ts'

export function startCluster(seed: number, count: number): { cluster: Cluster; nodes: Node[]; names: string[] } {
  const cluster = new Cluster(seed)
  const names = Array.from({ length: count }, (_, i) => `node-${i}`)
  const nodes = names.map((name) => cluster.start(name, { tags: { role: name } }))
  const orders = nodes.slice(1).map((node) => [node, cluster.join(node, nodes[0] as Node)] as const)
  cluster.until(() => cluster.agree(names) && orders.every(([node, order]) => node.done.has(order)))
  return { cluster, nodes, names }
}

export const packet = (message: Message) => encodePacket([encodeMessage(message)], { compress: false, crc: false })

export const kinds = (node: Node, name: string) =>
  node.facts.flatMap((fact) => ('member' in fact && fact.member.name === name ? [fact.kind] : []))
