// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Training

/// The watches of a training's loop, without a model.
struct LoopTests {
  // MARK: Spikes

  @Test func `a loss that leaps out is a spike, and does not become the measure`() throws {
    var watch = SpikeWatch(window: 40, threshold: 6)
    for step in 0..<40 {
      let usual = watch.note(3 + 0.1 * sin(Double(step)))
      #expect(usual == nil)
    }
    let found = watch.note(9)
    let spike = try #require(found)
    #expect(spike.loss == 9)
    #expect(abs(spike.mean - 3) < 0.1)
    #expect(spike.score > 6)
    // The next one is measured against what was usual before.
    #expect(watch.note(9) != nil)
    #expect(watch.note(3) == nil)
  }

  @Test func `falling losses, few losses and a flat end are no spikes`() {
    var falling = SpikeWatch()
    for step in 0..<200 { #expect(falling.note(10 * exp(-Double(step) / 40)) == nil) }
    var few = SpikeWatch()
    for _ in 0..<SpikeWatch.minimumCount - 1 { _ = few.note(1) }
    #expect(few.note(1000) == nil)
    var flat = SpikeWatch()
    for _ in 0..<50 { _ = flat.note(0.5) }
    // A hundredth of the mean is the least spread.
    #expect(flat.note(0.52) == nil)
    #expect(flat.note(0.54) != nil)
  }

  @Test func `ten spikes in a row are a new level, and the measure from then on`() throws {
    var watch = SpikeWatch(window: 40, threshold: 6)
    for step in 0..<40 { _ = watch.note(2 + 0.1 * sin(Double(step))) }
    // A mixture that moves on to another language.
    func high(_ step: Int) -> Double { 5 + 0.2 * cos(Double(step)) }
    // One usual loss among them, and they are counted anew.
    for step in 0..<9 { #expect(watch.note(high(step)) != nil) }
    #expect(watch.note(2) == nil)
    for step in 0..<9 { #expect(watch.note(high(step)) != nil) }
    for step in 9..<80 { #expect(watch.note(high(step)) == nil, "step \(step)") }
    let found = watch.note(9)
    let spike = try #require(found)
    #expect(abs(spike.mean - 5) < 0.1)
  }

  @Test func `a watch goes on from its saved losses`() {
    var whole = SpikeWatch(window: 30)
    for step in 0..<50 { _ = whole.note(2 + 0.1 * cos(Double(step))) }
    for _ in 0..<4 { _ = whole.note(7) }
    var resumed = SpikeWatch(window: 30)
    resumed.restore(whole.json)
    #expect(resumed == whole)
  }

  // MARK: Patience

  @Test func `patience counts scores since the best and min_delta what is progress`() {
    var best = BestScore(patience: 2, minimumChange: 0.1)
    #expect(best.note(3, step: 10) == .best)
    #expect(best.note(2.95, step: 20) == .waiting)
    #expect(best.note(2.8, step: 30) == .best)
    #expect(best.note(.nan, step: 40) == .waiting)
    #expect(best.note(2.75, step: 50) == .exhausted)
    #expect(best.best == BestScore.Entry(step: 30, score: 2.8))
    var resumed = BestScore(patience: 2, minimumChange: 0.1)
    resumed.restore(best.json)
    #expect(resumed == best)
  }

  @Test func `without patience nothing is ever exhausted`() {
    var best = BestScore()
    #expect(best.note(1, step: 1) == .best)
    for step in 2..<100 { #expect(best.note(1, step: step) == .waiting) }
  }

  // MARK: Silence

  @Test func `silence is told from ten times the usual on, and again after as long`() throws {
    var rule = SilenceRule(factor: 10, minimum: .seconds(5))
    var now = Duration.zero
    for step in 1...20 {
      rule.begin("step \(step)", at: now)
      #expect(rule.notice(at: now + .milliseconds(900)) == nil)
      now += .seconds(1)
    }
    rule.begin("step 21", at: now)
    #expect(rule.notice(at: now + .milliseconds(9900)) == nil)
    let notice = rule.notice(at: now + .seconds(10))
    let first = try #require(notice)
    #expect(first.operation == "step 21")
    #expect(first.elapsed == .seconds(10))
    #expect(rule.notice(at: now + .seconds(15)) == nil)
    #expect(rule.notice(at: now + .seconds(20)) != nil)
  }

  @Test func `what is not known yet may take the minimum, and nothing is told when all is over`() {
    var rule = SilenceRule(factor: 10, minimum: .seconds(5))
    rule.begin("saving the state", at: .zero)
    #expect(rule.notice(at: .seconds(4)) == nil)
    #expect(rule.notice(at: .seconds(5))?.operation == "saving the state")
    rule.end()
    #expect(rule.notice(at: .seconds(1000)) == nil)
  }

  @Test func `one slow step does not change what is usual`() {
    var rule = SilenceRule(factor: 10, minimum: .seconds(1))
    var now = Duration.zero
    for step in 1...15 {
      rule.begin("step \(step)", at: now)
      now += step == 8 ? .seconds(60) : .seconds(1)
    }
    rule.begin("step 16", at: now)
    #expect(rule.notice(at: now + .seconds(11)) != nil)
  }

  @Test func `differences of two settings are told by path`() {
    let before: JSON = ["a": ["b": 1, "c": [1, 2]], "same": 1.0, "gone": "x"]
    let now: JSON = ["a": ["b": 2, "c": [1, 2]], "same": 1, "new": true]
    let found = JSONDifference.between(before, now)
    #expect(found.map(\.path) == ["a.b", "gone", "new"])
    #expect(found[0].before == "1" && found[0].now == "2")
    #expect(found[1].now == "absent")
  }
}
