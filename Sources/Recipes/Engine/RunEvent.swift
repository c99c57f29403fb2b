// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What happens while a recipe runs, for whoever shows or records it.
public enum RunEvent: Sendable {
  /// A step begins; `isResuming` when it goes on from what an earlier run left. `index` from 1.
  case started(step: String, kind: String, index: Int, count: Int, isResuming: Bool)
  /// How far the step is.
  case progress(step: String, StepProgress)
  /// A training or evaluation record of the step.
  case metric(step: String, JSONObject)
  /// Something worth a line.
  case message(step: String?, String)
  /// The step is done and its folder in place.
  case finished(step: String, seconds: Double, byteCount: Int)
  /// The step was done before; `isShared` when its result comes from the cache.
  case reused(step: String, index: Int, count: Int, isShared: Bool)
  /// Another process is building this very result; we wait for it.
  case waiting(step: String)
}

/// How far a step is.
public struct StepProgress: Equatable, Sendable {
  /// Units done, from 0; after a resume it counts what was done before too.
  public var done: Int
  /// Units in all, if known.
  public var total: Int?
  /// What is counted: `tokens`, `documents`, `bytes`.
  public var unit: String
  /// Units per second lately, if the step measures it; 0 where what is counted has no rate.
  public var rate: Double?
  /// The training loss lately, in nats per token.
  public var loss: Double?
  /// A few words on what is being done just now.
  public var detail: String?

  /// Progress of `done` of `total` units.
  public init(
    done: Int, total: Int? = nil, unit: String, rate: Double? = nil, loss: Double? = nil,
    detail: String? = nil
  ) {
    self.done = done
    self.total = total
    self.unit = unit
    self.rate = rate
    self.loss = loss
    self.detail = detail
  }
}

/// Receives events, from whichever thread the step works on.
public typealias RunObserver = @Sendable (RunEvent) -> Void
