"""One judge for every state of a sampler: the joint likelihood of words and topics, in float64.

log p(w, z) = log p(w | z) + log p(z) of latent Dirichlet allocation with concentrations alpha (one a
topic) and beta, from the counts alone (Griffiths and Steyvers 2004). No package's own figure is
believed.
"""

import numpy as np
from scipy.special import gammaln


def joint(word_topic, doc_topic, alpha, beta):
    """A token's share of log p(w, z).

    word_topic: V x K and doc_topic: D x K, both scipy.sparse CSR matrices of counts.
    """
    words, topics = word_topic.shape
    alpha = np.broadcast_to(np.asarray(alpha, float), topics)
    totals = np.asarray(word_topic.sum(axis=0), float).ravel()
    lengths = np.asarray(doc_topic.sum(axis=1), float).ravel()
    if not np.array_equal(totals, np.asarray(doc_topic.sum(axis=0), float).ravel()):
        raise ValueError("the words and the documents do not have the same topics")
    of_words = (topics * gammaln(words * beta) - gammaln(totals + words * beta).sum()
                + (gammaln(word_topic.data + beta) - gammaln(beta)).sum())
    own = alpha[doc_topic.indices]
    of_topics = (len(lengths) * gammaln(alpha.sum()) - gammaln(lengths + alpha.sum()).sum()
                 + (gammaln(doc_topic.data + own) - gammaln(own)).sum())
    return float((of_words + of_topics) / totals.sum())
