/** All bugs there are to plant. */

import { logBugs } from './bugs/log.ts'
import { machineBugs } from './bugs/machines.ts'
import { membershipBugs } from './bugs/membership.ts'
import { replicationBugs } from './bugs/replication.ts'
import { serverBugs } from './bugs/server.ts'
import type { PlantedBug } from './planted-bug.ts'

export const corpus: readonly PlantedBug[] = [
  ...logBugs,
  ...replicationBugs,
  ...machineBugs,
  ...membershipBugs,
  ...serverBugs,
]
