/**
 * Gives every box, arrow and label its place. elk does the work; this file asks it in a way that suits statecharts:
 * arrows that go back are handed over turned round and their lines turned again afterwards, and labels take part as
 * real boxes that sit on their arrow.
 */

import Elk from 'elkjs/lib/elk.bundled.js'
import type { ElkExtendedEdge, ElkNode, LayoutOptions } from 'elkjs/lib/elk-api.js'
import type { Arrow, Box, Chart } from './chart.ts'
import { type Point, type Rectangle, tenths } from './geometry.ts'
import { measureBox, measureLabel, type Sheet } from './measure.ts'
import { backwardArrows, boxesIn, parentIds, upwards } from './rank.ts'
import { evenRegions } from './regions.ts'
import { straighten } from './straighten.ts'

export interface PlacedBox extends Rectangle {
  readonly box: Box
  readonly sheet: Sheet
  /** The ids of the boxes around it, innermost first. */
  readonly around: readonly string[]
}

export interface PlacedLabel extends Rectangle {
  readonly sheet: Sheet
}

export interface PlacedArrow {
  readonly arrow: Arrow
  /** From source to target; right angles only. */
  readonly points: readonly Point[]
  readonly label: PlacedLabel | undefined
  /** The way things normally go: it should run straight. */
  readonly main: boolean
}

export interface Layout {
  readonly arrangement: Arrangement
  readonly width: number
  readonly height: number
  /** Outer ones first. */
  readonly boxes: readonly PlacedBox[]
  readonly arrows: readonly PlacedArrow[]
}

/**
 * elk is shown boxes narrower by this on either side, so that a line that it puts at the very corner of a box ends up
 * this far from it.
 */
const shoulderPx = 14

const flexibility = 'elk.layered.nodePlacement.networkSimplex.nodeFlexibility'

const spacing: LayoutOptions = {
  'elk.spacing.nodeNode': String(24 + 2 * shoulderPx),
  'elk.spacing.edgeNode': String(16 + shoulderPx),
  'elk.spacing.edgeEdge': '14',
  'elk.spacing.edgeLabel': '6',
  'elk.layered.spacing.nodeNodeBetweenLayers': '22',
  'elk.layered.spacing.edgeNodeBetweenLayers': '16',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '12',
}

/** The choices one layout is made by: plain data, so that it can be made again. */
export interface Arrangement {
  readonly layering: 'NETWORK_SIMPLEX' | 'LONGEST_PATH'
  readonly labels: 'TAIL_LAYER' | 'MEDIAN_LAYER'
  /** How much more the main arrows count than others when lines are made straight. */
  readonly straightness: number
  readonly seed: number
  /** The boxes that may not be widened to make lines straight. */
  readonly fixed: readonly string[]
}

/** Deterministic: the same chart and arrangement give the same layout. */
export async function layOut(chart: Chart, arrangement: Arrangement): Promise<Layout> {
  const answer = await new Elk.default().layout(question(chart, arrangement))
  return straighten(evenRegions(readAnswer(chart, arrangement, answer)))
}

function question(chart: Chart, arrangement: Arrangement): ElkNode {
  const everywhere: LayoutOptions = {
    ...spacing,
    'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
    'elk.layered.layering.strategy': arrangement.layering,
    'elk.layered.edgeLabels.centerLabelPlacementStrategy': arrangement.labels,
    [`${flexibility}.default`]: 'NODE_SIZE',
    'elk.randomSeed': String(arrangement.seed),
  }
  const parents = parentIds(chart.root)
  const backward = backwardArrows(chart)
  const edges = new Map<string, ElkExtendedEdge[]>()
  const main = mainArrows(chart, backward)
  for (const arrow of chart.arrows) {
    const label = measureLabel(arrow)
    const [from, to] = backward.has(arrow.id) ? [arrow.target, arrow.source] : [arrow.source, arrow.target]
    const home = commonBox(arrow, parents)
    const edge: ElkExtendedEdge = {
      id: arrow.id,
      sources: [from],
      targets: [to],
      layoutOptions: main.has(arrow.id)
        ? { 'elk.layered.priority.straightness': String(arrangement.straightness) }
        : {},
      labels: label
        ? [
            {
              text: arrow.id,
              width: label.width,
              height: label.height,
              layoutOptions: { 'elk.edgeLabels.inline': 'true' },
            },
          ]
        : [],
    }
    edges.set(home, [...(edges.get(home) ?? []), edge])
  }
  const node = (box: Box): ElkNode => {
    const sheet = measureBox(box, box === chart.root)
    if (isDot(box)) {
      return { id: box.id, width: sheet.width, height: sheet.height, layoutOptions: { [flexibility]: 'NONE' } }
    }
    const width = sheet.width - 2 * shoulderPx
    if (box.children.length === 0) {
      const layoutOptions: LayoutOptions = arrangement.fixed.includes(box.id) ? { [flexibility]: 'NONE' } : {}
      return { id: box.id, width, height: sheet.height, layoutOptions }
    }
    return {
      id: box.id,
      layoutOptions: {
        ...everywhere,
        'elk.padding': `[top=${sheet.height + 12},left=20,right=20,bottom=20]`,
        'elk.nodeSize.constraints': 'MINIMUM_SIZE',
        'elk.nodeSize.minimum': `(${width},${sheet.height})`,
      },
      children: box.children.map(node),
      edges: edges.get(box.id) ?? [],
    }
  }
  return {
    id: 'page',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'DOWN',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.json.edgeCoords': 'ROOT',
      'elk.json.shapeCoords': 'ROOT',
      'elk.layered.thoroughness': '30',
      'elk.padding': `[top=1,left=${shoulderPx + 1},right=${shoulderPx + 1},bottom=1]`,
      ...everywhere,
    },
    children: [node(chart.root)],
  }
}

/** The first way on from each state that is not an error, and not the end where there is another. */
function mainArrows(chart: Chart, backward: ReadonlySet<string>): Set<string> {
  const ends = new Set(boxesIn(chart.root).flatMap((box) => (box.kind === 'final' ? [box.id] : [])))
  const main = new Map<string, Arrow>()
  for (const arrow of chart.arrows) {
    if (arrow.tone === 'error' || backward.has(arrow.id)) continue
    const known = main.get(arrow.source)
    if (!known || (ends.has(known.target) && !ends.has(arrow.target))) main.set(arrow.source, arrow)
  }
  return new Set([...main.values()].map((arrow) => arrow.id))
}

/** The smallest box around both ends. */
function commonBox(arrow: Arrow, parents: ReadonlyMap<string, string>): string {
  const around = upwards(arrow.target, parents).slice(1)
  return upwards(arrow.source, parents)
    .slice(1)
    .find((id) => around.includes(id))!
}

function readAnswer(chart: Chart, arrangement: Arrangement, answer: ElkNode): Layout {
  const parents = parentIds(chart.root)
  const backward = backwardArrows(chart)
  const main = mainArrows(chart, backward)
  const nodes = new Map<string, ElkNode>()
  const edges = new Map<string, ElkExtendedEdge>()
  const collect = (node: ElkNode): void => {
    nodes.set(node.id, node)
    for (const edge of node.edges ?? []) edges.set(edge.id, edge)
    for (const child of node.children ?? []) collect(child)
  }
  collect(answer)
  const boxes = boxesIn(chart.root).map((box): PlacedBox => {
    const around = upwards(box.id, parents).slice(1)
    const { x, y, width, height } = rectangle(nodes.get(box.id)!)
    const shoulder = isDot(box) ? 0 : shoulderPx
    const sheet = measureBox(box, box === chart.root)
    return { box, sheet, around, x: tenths(x - shoulder), y, width: tenths(width + 2 * shoulder), height }
  })
  const arrows = chart.arrows.map((arrow): PlacedArrow => {
    const edge = edges.get(arrow.id)!
    const points = (edge.sections ?? []).flatMap((section) => [
      section.startPoint,
      ...(section.bendPoints ?? []),
      section.endPoint,
    ])
    if (backward.has(arrow.id)) points.reverse()
    const sheet = measureLabel(arrow)
    const label = sheet && edge.labels?.[0] ? { sheet, ...rectangle(edge.labels[0]) } : undefined
    return { arrow, points: points.map(round), label, main: main.has(arrow.id) }
  })
  return { arrangement, width: Math.ceil(answer.width ?? 0), height: Math.ceil(answer.height ?? 0), boxes, arrows }
}

function isDot(box: Box): boolean {
  return box.kind === 'initial' || box.kind === 'any'
}

function round({ x, y }: Point): Point {
  return { x: tenths(x), y: tenths(y) }
}

function rectangle(shape: { x?: number; y?: number; width?: number; height?: number }): Rectangle {
  const { x = 0, y = 0, width = 0, height = 0 } = shape
  return { x: tenths(x), y: tenths(y), width: tenths(width), height: tenths(height) }
}
