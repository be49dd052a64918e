import type { AddressInfo, Server } from 'node:net'
import { formatAddress } from '../../address.ts'
import { ReeveError } from '../../errors.ts'
import type { Address } from '../env.ts'

/** Listens; resolves with the address that it got. Rejects with `ADDRESS_UNUSABLE`. */
export function bind(server: Server, at: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE' ? 'another process has that port (EADDRINUSE)' : (error.code ?? error.message)
      const message = `cannot listen on ${formatAddress(at)}: ${why}`
      reject(new ReeveError('ADDRESS_UNUSABLE', message, { cause: error, facts: { address: formatAddress(at) } }))
    }
    server.once('error', failed)
    server.listen({ host: at.host, port: at.port }, () => {
      // Accepting may fail later, for instance without free file descriptors; the listener outlives that.
      server.removeListener('error', failed).on('error', () => {})
      const { address, port } = server.address() as AddressInfo
      resolve({ host: address, port })
    })
  })
}
