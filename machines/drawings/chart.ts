/**
 * Reads an XState machine into what is drawn: boxes within boxes, and arrows between them. Decides what every sign and
 * label says; knows nothing of positions, colours or SVG.
 */

import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'

export interface Chart {
  readonly name: string
  readonly root: Box
  readonly arrows: readonly Arrow[]
}

/**
 * `initial` is the dot at which a compound state starts; `any` the ring from which its own transitions into its inside
 * leave: whatever is active in the box.
 */
export type BoxKind = 'atomic' | 'compound' | 'parallel' | 'final' | 'initial' | 'any'

export interface Box {
  /** The path of keys, from the machine's id on: `membership.alive.probing`. */
  readonly id: string
  readonly name: string
  readonly kind: BoxKind
  /** A region of a parallel state: always active together with its siblings. */
  readonly region: boolean
  readonly description: string
  readonly lines: readonly Line[]
  readonly children: readonly Box[]
}

/**
 * What a state does, listed in its box. `own` is an event handled in place; `again` one that leaves the state and enters
 * it anew (or a parallel state around it, which has no dot an arrow could lead to).
 */
export interface Line {
  readonly sign: 'invoke' | 'entry' | 'exit' | 'own' | 'again'
  readonly text: string
  /** The actions of an event handled in place. */
  readonly actions: string
  /** The id of the transition that an `own` or `again` line stands for. */
  readonly transition?: string
}

/** All transitions of one state to one other. */
export interface Arrow {
  readonly id: string
  readonly source: string
  readonly target: string
  readonly labels: readonly Label[]
  readonly tone: 'normal' | 'error'
}

export interface Label {
  readonly transition: string
  /** The event type that triggers it, as XState names it. */
  readonly event: string
  readonly text: string
  readonly actions: string
}

export function readChart(machine: AnyStateMachine): Chart {
  const arrows = new Map<string, Arrow>()
  const root = readBox(machine.root, arrows)
  return { name: machine.id, root, arrows: [...arrows.values()] }
}

/** Also what an observer of `@xstate.microstep` computes to find the line to light: source, event type, index. */
export function transitionId(transition: AnyTransitionDefinition): string {
  const { source, eventType } = transition
  const alternatives = eventType === '' ? source.always : source.transitions.get(eventType)
  return `${stateId(source)}:${eventType || 'always'}:${alternatives?.indexOf(transition) ?? -1}`
}

export function stateId(node: AnyStateNode): string {
  return [node.machine.id, ...node.path].join('.')
}

export function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])]
}

function readBox(node: AnyStateNode, arrows: Map<string, Arrow>): Box {
  if (node.type === 'history') throw new Error(`${stateId(node)}: history states are not drawn`)
  const id = stateId(node)
  const lines: Line[] = [
    ...node.invoke.map((invoke) => ({ sign: 'invoke' as const, text: sourceName(invoke), actions: '' })),
    ...configured(node.config.entry).map((action) => ({
      sign: 'entry' as const,
      text: actionName(action),
      actions: '',
    })),
    ...configured(node.config.exit).map((action) => ({ sign: 'exit' as const, text: actionName(action), actions: '' })),
  ]
  const children: Box[] = []
  if (node.type === 'compound') {
    const start = pseudoBox(`${id}.(initial)`, 'initial')
    children.push(start)
    for (const target of node.initial.target) addArrow(arrows, start.id, stateId(target), undefined)
  }
  const above = ancestors(node)
  for (const transition of transitionsOf(node)) {
    const label = readLabel(node, transition)
    const targets = transition.target ?? []
    const again = targets.find((target) => target === node || (above.includes(target) && target.type === 'parallel'))
    if (targets.length === 0 || again) {
      const text = again && again !== node ? `${label.text} → ${again.key}` : label.text
      lines.push({ sign: again ? 'again' : 'own', text, actions: label.actions, transition: label.transition })
      continue
    }
    for (const target of targets) {
      const inside = ancestors(target).includes(node)
      const ring = `${id}.(any).${target.key}`
      if (inside && !children.some((child) => child.id === ring)) children.push(pseudoBox(ring, 'any'))
      // Going to a state around oneself is starting it again: at its dot.
      const end = above.includes(target) ? `${stateId(target)}.(initial)` : stateId(target)
      addArrow(arrows, inside ? ring : id, end, label)
    }
  }
  children.push(...Object.values(node.states).map((child) => readBox(child, arrows)))
  return {
    id,
    name: node.key,
    kind: node.type,
    region: node.parent?.type === 'parallel',
    description: node.description ?? '',
    lines,
    children,
  }
}

/** As written in the chart: without what XState adds for delayed transitions. */
function configured(actions: unknown): unknown[] {
  return [actions ?? []].flat()
}

function pseudoBox(id: string, kind: 'initial' | 'any'): Box {
  return { id, name: '', kind, region: false, description: '', lines: [], children: [] }
}

function addArrow(arrows: Map<string, Arrow>, source: string, target: string, label: Label | undefined): void {
  const tone = label && /^xstate\.error\.|\.failed$/.test(label.event) ? 'error' : 'normal'
  // Errors keep an arrow of their own, so that its colour means one thing.
  const id = `${source}->${target}${tone === 'error' ? ':error' : ''}`
  const labels = [...(arrows.get(id)?.labels ?? []), ...(label ? [label] : [])]
  arrows.set(id, { id, source, target, labels, tone })
}

function ancestors(node: AnyStateNode): AnyStateNode[] {
  return node.parent ? [node.parent, ...ancestors(node.parent)] : []
}

function readLabel(node: AnyStateNode, transition: AnyTransitionDefinition): Label {
  const guard = transition.guard === undefined ? '' : ` [${guardName(transition.guard)}]`
  return {
    transition: transitionId(transition),
    event: transition.eventType,
    text: `${eventName(node, transition.eventType)}${guard}`,
    actions: transition.actions.map(actionName).join(', '),
  }
}

/** XState's own event types, said in words; `done` and `error` name the actor only where there is a choice. */
function eventName(node: AnyStateNode, type: string): string {
  if (type === '') return 'always'
  const [, kind = '', rest = ''] =
    /^xstate\.(after|done\.actor|error\.actor|done\.state|snapshot)\.(.*)$/.exec(type) ?? []
  if (kind === 'after') {
    const delay = rest.slice(0, -node.id.length - 1)
    return /^\d+$/.test(delay) ? `after ${delay} ms` : `after ${delay}`
  }
  if (kind === 'done.state') return 'finished'
  if (kind === '') return type
  const word = kind.split('.')[0]!
  if (rest === '*') return `${word} of any actor`
  return node.invoke.length === 1 && node.invoke[0]!.id === rest ? word : `${word} of ${rest}`
}

function sourceName(invoke: AnyStateNode['invoke'][number]): string {
  const { src } = invoke
  // XState calls a logic that was given inline by the place where it stands.
  return typeof src === 'string' && !src.startsWith('xstate.invoke.') ? src : invoke.id
}

/** A name as configured; what is written inline is called by what it does. */
export function actionName(action: unknown): string {
  if (typeof action === 'string') return action
  const { type, event } = action as { type?: string; event?: unknown }
  const builtIn = /^xstate\.(.*)$/.exec(type ?? '')?.[1]
  if (builtIn === 'raise' && typeof event === 'object') return `raise ${(event as { type: string }).type}`
  return builtIn ?? type ?? '(inline)'
}

export function guardName(guard: unknown): string {
  if (typeof guard === 'string') return guard
  const { type, guards, name } = guard as { type?: string; guards?: unknown[]; name?: string }
  if (name === 'not' && guards) return `not ${guardName(guards[0])}`
  if ((name === 'and' || name === 'or') && guards) return guards.map(guardName).join(` ${name} `)
  return type ?? '(inline)'
}
