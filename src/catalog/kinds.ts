import { cursorKind } from './cursor-kind.ts'
import { Declarations } from './declarations.ts'
import type { CatalogKind } from './kind.ts'
import { runKind } from './run-kind.ts'
import { topicKind } from './topic-kind.ts'

/** Everything this version keeps in the catalog, for a node that has heard these declarations. */
export function kindsKnowing(declarations: Declarations): readonly CatalogKind<unknown>[] {
  return [topicKind, runKind, cursorKind(declarations)]
}

/** The same without any. */
export const catalogKinds = kindsKnowing(new Declarations())
