// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can go wrong between a model's name and its folder.
///
/// No case holds a token, nor the query of an URL, which may be signed.
public enum HubError: Diagnosed, Equatable {
  /// Not `org/name`.
  case name(String)
  /// Not a revision.
  case revision(String, of: String)
  /// A variable of the environment that cannot be meant so.
  case setting(String, problem: String)
  /// No answer, after as many attempts.
  case unreachable(place: String, reason: String, attempts: Int)
  /// The server's certificate is not to be trusted, or the request is not one.
  case connection(place: String, reason: String)
  /// 401: the hub wants to know who asks, or does not take the token.
  case unauthorized(HubModel, token: TokenUse, page: String)
  /// 403: who asks may not have it.
  case forbidden(HubModel, token: TokenUse, isGated: Bool, page: String)
  /// 404.
  case noModel(HubModel, token: TokenUse, page: String)
  case noRevision(HubModel, page: String)
  case noFile(String, of: HubModel)
  /// The hub asks to wait for longer than is waited.
  case tooManyRequests(place: String, seconds: Int)
  /// A status that means nothing here.
  case status(Int, place: String)
  /// A redirect that is not followed.
  case redirect(String, place: String)
  /// An answer that is none.
  case answer(String, place: String)
  /// A file of the listing whose name would lead elsewhere.
  case fileName(String, of: HubModel)
  /// The server sends another length than the listing says.
  case wrongSize(String, expected: Int, found: Int, place: String)
  /// The bytes are not those of the listing.
  case wrongHash(String, expected: String, found: String, place: String)
  /// Less room than is needed; nothing was begun.
  case noRoom(folder: String, needed: Int, free: Int)
  /// The disk became full; what has come is kept.
  case full(path: String, reason: String)
  /// The system refused something else.
  case system(action: String, path: String, reason: String)
  /// Not in the cache, and the hub may not be asked.
  case offline(HubModel, missing: [String], folder: String)
  /// A repository without weights that Koine reads.
  case noWeights(HubModel, found: [String])
  /// A folder of this machine was named with a revision.
  case folderRevision(path: String, revision: String)
  /// Somebody asked to stop; what has come is kept.
  case interrupted

  /// Whether a token was sent.
  public enum TokenUse: Sendable, Equatable {
    case none, sent
    /// There is one, but the endpoint is not encrypted.
    case withheld
  }

  public var diagnosis: Diagnosis {
    switch self {
    case .name(let text):
      Diagnosis(
        what: "Expected a model's name `org/name[@revision]`, found `\(text.excerpt)`.",
        where: "the model's name", next: "Correct the name; a folder's path may begin with `./`.")
    case .revision(let revision, let model):
      Diagnosis(
        what: "`\(revision.excerpt)` cannot be a revision.", where: model,
        next: "Name a branch, a tag or a commit.")
    case .setting(let name, let problem):
      Diagnosis(
        what: "The setting cannot be used: \(problem).", where: "`\(name)`",
        next: "Correct it, or unset it.")
    case .unreachable(let place, let reason, let attempts):
      Diagnosis(
        what: "No answer after \(attempts) attempts: \(reason.clause).", where: place,
        next: "Check the network, `HF_ENDPOINT` and proxies, and run again: what has come is "
          + "kept. `HF_HUB_OFFLINE=1` uses only what is in the cache.", kind: .failed)
    case .connection(let place, let reason):
      Diagnosis(
        what: "The hub cannot be asked: \(reason.clause).", where: place,
        next: "Check `HF_ENDPOINT`, proxies and the system's certificates.", kind: .failed)
    case .unauthorized(let model, let token, let page):
      Diagnosis(
        what: token == .sent
          ? "The hub does not take the token (401)."
          : "The hub wants to know who asks, or there is no such model (401).",
        where: "\(model)", next: Self.access(token, page: page), kind: .failed)
    case .forbidden(let model, let token, let isGated, let page):
      Diagnosis(
        what: isGated
          ? "The model is gated: its owners give it to those who ask (403)."
          : "The hub does not give this model to who asks (403).",
        where: "\(model)",
        next: (isGated ? "Ask for access on \(page), then: " : "")
          + Self.access(token, page: page), kind: .failed)
    case .noModel(let model, let token, let page):
      Diagnosis(
        what: "The hub has no such model, or does not show it (404).", where: "\(model)",
        next: "Correct the name. Of a private model: " + Self.access(token, page: page))
    case .noRevision(let model, let page):
      Diagnosis(
        what: "The model has no revision `\(model.revision)` (404).", where: model.id,
        next: "Name a branch, tag or commit that \(page)/refs shows.")
    case .noFile(let file, let model):
      Diagnosis(
        what: "The hub lists the file but does not have it (404).", where: "\(model), \(file)",
        next: "Run again; if it stays so, name another revision.", kind: .failed)
    case .tooManyRequests(let place, let seconds):
      Diagnosis(
        what: "The hub asks to wait \(seconds) s before the next request.", where: place,
        next: "Run again then; with a token in `HF_TOKEN` the hub allows more.", kind: .failed)
    case .status(let status, let place):
      Diagnosis(
        what: "The server answers with status \(status).", where: place,
        next: "Check `HF_ENDPOINT`, and run again later.", kind: .failed)
    case .redirect(let problem, let place):
      Diagnosis(
        what: "The server leads to where Koine does not go: \(problem).", where: place,
        next: "Check `HF_ENDPOINT`; the server behind it is no hub, or set up wrong.",
        kind: .failed)
    case .answer(let problem, let place):
      Diagnosis(
        what: "The answer is not what a hub says: \(problem.clause).", where: place,
        next: "Check `HF_ENDPOINT` and proxies: another server may have answered.", kind: .failed)
    case .fileName(let name, let model):
      Diagnosis(
        what: "The repository lists a file whose name leads elsewhere: `\(name.excerpt)`.",
        where: "\(model)", next: "Do not trust this repository; name another.")
    case .wrongSize(let file, let expected, let found, let place):
      Diagnosis(
        what: "Expected \(expected) bytes of `\(file)`, the server sends \(found).", where: place,
        next: "Run again; if it stays so, the server or a proxy changes files.", kind: .failed)
    case .wrongHash(let file, let expected, let found, let place):
      Diagnosis(
        what: "`\(file)` has the hash \(found), the hub says \(expected).", where: place,
        next: "The bytes were thrown away. Run again; if it stays so, the server or a proxy "
          + "changes files.", kind: .failed)
    case .noRoom(let folder, let needed, let free):
      Diagnosis(
        what: "The disk has \(free) bytes free, the download needs \(needed).", where: folder,
        next: "Make room, or let `HF_HUB_CACHE` name a folder on another disk. Nothing was begun.",
        kind: .failed)
    case .full(let path, let reason):
      Diagnosis(
        what: "The disk takes no more: \(reason.clause).", where: path,
        next: "Make room and run again: what has come is kept.", kind: .failed)
    case .system(let action, let path, let reason):
      Diagnosis(
        what: "Cannot \(action): \(reason.clause).", where: path,
        next: "Check the folder and its rights, or let `HF_HUB_CACHE` name another.",
        kind: .failed)
    case .offline(let model, let missing, let folder):
      Diagnosis(
        what: "`HF_HUB_OFFLINE` is set, and the cache lacks \(Self.list(missing)).",
        where: "\(model), \(folder)",
        next: "Unset `HF_HUB_OFFLINE`, or run `koine hub download \(model)` where there is a "
          + "network.", kind: .failed)
    case .noWeights(let model, let found):
      Diagnosis(
        what: "The repository holds no weights that Koine reads: neither safetensors nor PyTorch "
          + "files.", where: "\(model)",
        next: found.isEmpty ? "Name another model." : "It holds \(Self.list(found)).")
    case .folderRevision(let path, let revision):
      Diagnosis(
        what: "A folder has no revisions, found `\(path)@\(revision)`.", where: path,
        next: "Leave the revision away, or name a model of the hub that is no folder here.")
    case .interrupted:
      Diagnosis(
        what: "The download was stopped.", where: "the hub",
        next: "Run again: what has come is kept.", kind: .failed)
    }
  }

  private static func access(_ token: TokenUse, page: String) -> String {
    switch token {
    case .none:
      "make a token on \(tokenPage(page)) and set it as `HF_TOKEN`, or save it with "
        + "`hf auth login`."
    case .sent: "see on \(tokenPage(page)) whether the token is valid and may read \(page)."
    case .withheld: "let `HF_ENDPOINT` begin with `https://`: over plain http no token is sent."
    }
  }

  /// `https://host/org/name` → where tokens are made on that host.
  private static func tokenPage(_ page: String) -> String {
    page.split(separator: "/").dropLast(2).joined(separator: "/")
      .replacing(":/", with: "://") + "/settings/tokens"
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(6).map { "`\($0.excerpt)`" }.joined(separator: ", ")
    return names.count > 6 ? "\(shown) and \(names.count - 6) more" : shown
  }
}
