"""Symbols of human genes for the embedded panorama."""

from __future__ import annotations

from itertools import chain, count

MARKERS = {
    "CD4 T": ["CD3D", "CD3E", "IL7R", "CCR7", "LTB", "CD4", "TCF7", "LEF1", "MAL", "TRAC"],
    "CD8 T": ["CD8A", "CD8B", "CD3D", "CD3E", "GZMK", "CCL5", "GZMA", "TRAC", "CST7", "LYAR"],
    "NK": ["NKG7", "GNLY", "KLRD1", "KLRF1", "PRF1", "GZMB", "FGFBP2", "SPON2", "CST7", "TYROBP"],
    "B": ["MS4A1", "CD79A", "CD79B", "CD19", "BANK1", "TCL1A", "IGHM", "IGHD", "CD74", "HLA-DRA"],
    "CD14+ Mono": ["CD14", "LYZ", "S100A8", "S100A9", "VCAN", "FCN1", "CST3", "TYROBP", "S100A12", "MNDA"],
    "FCGR3A+ Mono": ["FCGR3A", "MS4A7", "LST1", "CDKN1C", "CST3", "FCN1", "TYROBP", "RHOC", "HES4", "LILRB2"],
    "Dendritic": ["FCER1A", "CLEC10A", "CD1C", "HLA-DRA", "HLA-DPA1", "HLA-DPB1", "CD74", "CST3", "LYZ", "ENHO"],
}

CELL_TYPES = tuple(MARKERS)

_MITOCHONDRIAL_PROTEINS = ("ND1", "ND2", "CO1", "CO2", "ATP8", "ATP6", "CO3", "ND3", "ND4L", "ND4", "ND5", "ND6", "CYB")
_MITOCHONDRIAL = [f"MT-{gene}" for gene in _MITOCHONDRIAL_PROTEINS]

#: Some of the genes that Tirosh et al. (Science 2016) score the phases of the cell cycle with.
# fmt: off
_CELL_CYCLE = (
    "MCM5", "PCNA", "TYMS", "FEN1", "MCM2", "MCM4", "RRM1", "UNG", "GINS2", "MCM6", "CDCA7", "DTL", "PRIM1", "UHRF1",
    "HELLS", "RFC2", "NASP", "RAD51AP1", "GMNN", "WDR76", "SLBP", "CCNE2", "UBR7", "POLD3", "MSH2", "ATAD2", "RAD51",
    "RRM2", "CDC45", "CDC6", "EXO1", "TIPIN", "DSCC1", "BLM", "CASP8AP2", "USP1", "CLSPN", "POLA1", "CHAF1B", "BRIP1",
    "E2F8", "HMGB2", "CDK1", "NUSAP1", "UBE2C", "BIRC5", "TPX2", "TOP2A", "NDC80", "CKS2", "NUF2", "CKS1B", "MKI67",
    "TMPO", "CENPF", "TACC3", "SMC4", "CCNB2", "CKAP2L", "CKAP2", "AURKB", "BUB1", "KIF11", "ANP32E", "TUBB4B",
    "GTSE1", "KIF20B", "HJURP", "CDCA3", "CDC20", "TTK", "CDC25C", "KIF2C", "RANGAP1", "NCAPD2", "DLGAP5", "CDCA2",
    "CDCA8", "ECT2", "KIF23", "HMMR", "AURKA", "PSRC1", "ANLN", "LBR", "CKAP5", "CENPE", "CTCF", "NEK2", "G2E3",
    "GAS2L3", "CBX5", "CENPA",
)
# fmt: on

_RIBOSOMAL = [f"RPL{k}" for k in range(3, 40)] + [f"RPS{k}" for k in range(2, 29)]

#: Families whose members fill up the rest; not every number exists in man.
_FAMILIES = (
    "ZNF",
    "TMEM",
    "CCDC",
    "SLC25A",
    "KLHL",
    "FBXO",
    "USP",
    "RBM",
    "DDX",
    "ARHGAP",
    "PSMD",
    "NDUFA",
    "COX",
    "TRIM",
)


def gene_names(n_genes: int) -> list[str]:
    """``n_genes`` different symbols: known genes first, then numbered members of large families."""
    known = chain(_MITOCHONDRIAL, _RIBOSOMAL, chain.from_iterable(MARKERS.values()), _CELL_CYCLE)
    family = (f"{name}{number}" for number in count(1) for name in _FAMILIES)
    names = dict.fromkeys(known)
    while len(names) < n_genes:
        names[next(family)] = None
    return list(names)[:n_genes]
