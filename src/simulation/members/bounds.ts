/**
 * What members are held to, in ms of simulated time. Written out from the protocol, with Serf's times for a local network
 * and up to 32 members: what is judged here must not judge itself.
 */

const probeMs = 1_000
const gossipMs = 200
/** Of what each exchanges with somebody, and of what each tries of those that failed. */
const regularMs = 30_000

/** Why one did not hear another: it, or its process, stood still or was not there; or the way between them was not open. */
export type Cause = 'still' | 'apart'

/** Lifeguard's shortest suspicion: four probe intervals for each power of ten, one power at least. */
export const suspicionMs = 4 * probeMs

/** Until a piece of news is at all, in the rounds of gossip that it takes at most, and be it that a packet is lost or late. */
export const newsMs = 25 * gossipMs

/**
 * Who is there again is not declared failed any more. Who stood still reads what was said of it at once. Who was cut off
 * finds accusations over that it has not heard; and those whom it accused itself meanwhile, alone and for up to six times the
 * shortest suspicion, hear of it when it asks them again, one in a second.
 */
export const condemnedMs: Readonly<Record<Cause, number>> = {
  still: newsMs,
  apart: 6 * suspicionMs + 12 * probeMs + newsMs,
}

/**
 * Who is there again is alive to all. Who stood still is told what is believed of it, by gossip or as the answer to its
 * join. After a cut two exchanges of state are sure to meet one that knows, or two tries at one that failed; where
 * they were lost to each other for so long that nobody speaks of them any more, nothing else leads back.
 */
export const backMs: Readonly<Record<Cause, number>> = {
  still: 2 * newsMs,
  apart: 2 * regularMs + 3 * newsMs,
}

/** A declaration that is wrong, and in reach of whom it is about, is taken back: the dead are told as well. */
export const refutedMs = newsMs + gossipMs

/**
 * Who is gone is failed to all: asked by somebody within some ten probe intervals but for one in thousands of such
 * failures, suspected for two shortest suspicions where others confirm it late, then gossip.
 */
export const noticedMs = 10 * probeMs + 2 * 1.3 * suspicionMs + newsMs

/** Whoever was out of reach meanwhile may have to find out alone: asks it last, and has the longest suspicion. */
export const noticedAloneMs = backMs.apart

/** Goodbye: the intent and the farewell, each a piece of news. */
export const farewellMs = 2 * newsMs

/**
 * Who says of one that is gone that it leaves, knows the rest soon: with the same exchange of state; or, where that was before
 * it went, when it asks it in vain, for the longest suspicion where nobody confirms.
 */
export const leavingMs = 6 * suspicionMs + 12 * probeMs
