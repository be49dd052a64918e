import type { CatalogKind } from './kind.ts'
import { runKind } from './run-kind.ts'
import { topicKind } from './topic-kind.ts'

/** Everything this version keeps in the catalog. */
export const catalogKinds: readonly CatalogKind<unknown>[] = [topicKind, runKind]
