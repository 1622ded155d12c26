"""The embedded keypoint network: finds what an instruction names in any picture."""
