/**
 * Which way is down. Within each box the arrows are followed depth first from the initial state, successes before
 * errors; an arrow that closes a circle goes back, every other one goes forward. What is handed to the layout is thus
 * free of circles, and the way things normally go runs from top to bottom.
 */

import type { Arrow, Box, Chart } from './chart.ts'

/** The ids of the arrows that go back. */
export function backwardArrows(chart: Chart): Set<string> {
  const backward = new Set<string>()
  const parents = parentIds(chart.root)
  const steps = new Map<string, Step[]>()
  for (const arrow of chart.arrows) {
    const step = stepOf(arrow, parents)
    if (!step) continue
    const found = steps.get(step.box)
    if (found) found.push(step)
    else steps.set(step.box, [step])
  }
  for (const box of boxesIn(chart.root)) {
    const ordered = (steps.get(box.id) ?? []).sort((a, b) => Number(a.late) - Number(b.late))
    const state = new Map<string, 'open' | 'done'>()
    const visit = (id: string): void => {
      state.set(id, 'open')
      for (const step of ordered) {
        if (step.from !== id) continue
        if (state.get(step.to) === 'open') backward.add(step.arrow.id)
        else if (!state.has(step.to)) visit(step.to)
      }
      state.set(id, 'done')
    }
    for (const child of box.children) if (!state.has(child.id)) visit(child.id)
  }
  return backward
}

/** An arrow seen from the smallest box that holds both ends: from one of its children to another. */
interface Step {
  readonly arrow: Arrow
  readonly box: string
  readonly from: string
  readonly to: string
  readonly late: boolean
}

function stepOf(arrow: Arrow, parents: ReadonlyMap<string, string>): Step | undefined {
  const sources = upwards(arrow.source, parents)
  const targets = upwards(arrow.target, parents)
  const box = sources.find((id) => targets.includes(id))
  if (box === undefined) return undefined
  const from = sources[sources.indexOf(box) - 1]
  const to = targets[targets.indexOf(box) - 1]
  if (from === undefined || to === undefined || from === to) return undefined
  return { arrow, box, from, to, late: arrow.tone === 'error' }
}

/** The id itself, its parent, and so on up to the root. */
export function upwards(id: string, parents: ReadonlyMap<string, string>): string[] {
  const parent = parents.get(id)
  return parent === undefined ? [id] : [id, ...upwards(parent, parents)]
}

export function parentIds(root: Box): Map<string, string> {
  return new Map(boxesIn(root).flatMap((box) => box.children.map((child) => [child.id, box.id] as const)))
}

export function boxesIn(root: Box): Box[] {
  return [root, ...root.children.flatMap(boxesIn)]
}
