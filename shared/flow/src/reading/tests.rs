use boxoffice_domain::OrderState;
use boxoffice_domain::testing::World;

use super::*;

#[test]
fn an_order_number_or_quantity_that_cannot_be_is_poison() {
    let missing = MissingField { payload: "OrderEventMessage", field: "orderNo" };
    assert_eq!(order_no(Err(missing)), Err(Outcome::poison("OrderEventMessage has no orderNo")));
    assert!(
        matches!(order_no(Ok("a b")), Err(Outcome::Poison { because }) if because.starts_with("orderNo: "))
    );
    assert_eq!(quantity(Ok(0)), Err(Outcome::poison("quantity must be at least 1, found 0")));
    assert_eq!(quantity(Ok(3)), Ok(3));
}

#[tokio::test]
async fn addresses_come_from_the_order_then_the_message_then_the_user_directory() {
    let world = World::new();
    let mut order = world.order("T1", OrderState::Paid);
    order.contact.phone = Some("1".to_owned());
    let message = ExtData::from_json(r#"{"phone":"2","email":"b@example.com","deviceToken":" "}"#).unwrap();
    world.user_directory.put(order.user_id, Contact { phone: Some("3".to_owned()), ..Contact::default() });
    let user_directory: Option<&dyn UserDirectory> = Some(&*world.user_directory);

    let both =
        buyer_contact(Some(&order), Some(&message), Some(order.user_id), user_directory).await.unwrap();
    assert_eq!((both.phone.as_deref(), both.email.as_deref()), (Some("1"), Some("b@example.com")));
    assert_eq!(both.device_token, None);
    let unknown = buyer_contact(None, None, Some(order.user_id), user_directory).await.unwrap();
    assert_eq!(unknown.phone.as_deref(), Some("3"));
    let nobody = buyer_contact(None, None, Some(order.user_id), None).await.unwrap();
    assert!(nobody.is_empty());
}
