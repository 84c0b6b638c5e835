use super::onnx::{message_fault, opened};
use super::proto::*;
use crate::formats::MessageFault;

#[test]
fn damaged_messages_are_told_apart() {
    let of_model = |model: Proto| message_fault(opened(&model));
    let front = || proto().number(1, 8);
    assert_eq!(of_model(front().number(0, 1)), MessageFault::FieldNumber);
    assert_eq!(
        of_model(front().number(1 << 29, 1)),
        MessageFault::FieldNumber
    );
    for wire_type in [3, 4, 6, 7] {
        let fault = of_model(front().raw_number(1 << 3 | wire_type));
        assert_eq!(fault, MessageFault::WireType(wire_type as u8));
    }
    assert_eq!(
        of_model(front().head(7, 1)),
        MessageFault::Length { bytes: 1, left: 0 }
    );
    assert_eq!(
        of_model(front().head(7, u64::MAX)),
        MessageFault::Length {
            bytes: u64::MAX,
            left: 0
        }
    );
    assert_eq!(
        of_model(front().raw(&[0x0d, 1, 2, 3])),
        MessageFault::Length { bytes: 4, left: 3 }
    );
    assert_eq!(
        of_model(front().raw(&[0x09])),
        MessageFault::Length { bytes: 8, left: 0 }
    );
    assert_eq!(of_model(front().raw(&[0x08])), MessageFault::Cut);
    assert_eq!(of_model(front().raw(&[0x08, 0x80])), MessageFault::Cut);
    assert_eq!(
        of_model(front().raw(&[0x08]).raw(&[0xff; 10])),
        MessageFault::Number
    );
    assert_eq!(
        of_model(front().raw(&[0x08]).raw(&[0x80; 9]).raw(&[2])),
        MessageFault::Number
    );
    assert_eq!(of_model(front().number(7, 1)), MessageFault::OtherType(7));
    let twice = raw("a", 2048, 0).bytes(9, [0; 2048]);
    assert_eq!(
        of_model(model(proto().message(5, twice))),
        MessageFault::TooOften(9)
    );
    let entries = vec![("checksum", ""); 17];
    let entries = external(tensor("a", UINT8, &[1]), &entries);
    assert_eq!(
        of_model(model(proto().message(5, entries))),
        MessageFault::TooOften(13)
    );
}
