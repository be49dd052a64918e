import type { Disk } from '../env/env.ts'

/** The folder of one log: makes the names in it last. */
export class FolderNames {
  readonly #disk: Disk
  readonly #folder: string
  #folderDurable: boolean

  /** `durable`: the folder's own name lasts already, and those above it. */
  constructor(disk: Disk, folder: string, durable: boolean) {
    this.#disk = disk
    this.#folder = folder
    this.#folderDurable = durable
  }

  /** Rejects with `DiskError`. */
  async sync(): Promise<void> {
    let folder = this.#folder
    await this.#disk.syncFolder(folder)
    // The first time, the names of epoch, origin and topic too.
    for (let level = 0; level < 3 && !this.#folderDurable; level++) {
      folder = folder.slice(0, folder.lastIndexOf('/'))
      await this.#disk.syncFolder(folder)
    }
    this.#folderDurable = true
  }
}
